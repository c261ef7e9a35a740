"""What a planner carries out of a study: report, slides, workbook, and the folder that holds them."""
