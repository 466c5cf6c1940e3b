-- refused: join
SELECT p.id, p.name, p.starttime
FROM (SELECT id, name, window_start AS starttime FROM TUMBLE(person, date_time, INTERVAL '10' SECOND) GROUP BY id, name, window_start) p
JOIN (SELECT seller, window_start AS starttime FROM TUMBLE(auction, date_time, INTERVAL '10' SECOND) GROUP BY seller, window_start) a
  ON p.id = a.seller AND p.starttime = a.starttime
