SELECT auction, bidder, price, channel, split_part(url, '/', 4) AS dir1, split_index(url, '/', 4) AS dir2, split_part(url, '/', 6) AS dir3 FROM bid
