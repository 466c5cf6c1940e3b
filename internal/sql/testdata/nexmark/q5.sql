-- refused: sliding
-- The suite's inner query, over which it joins the counts with their greatest.
SELECT auction, count(*) AS num FROM HOP(bid, date_time, INTERVAL '2' SECOND, INTERVAL '10' SECOND) GROUP BY auction, window_start
