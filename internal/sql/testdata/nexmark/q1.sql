SELECT auction, bidder, price * 0.908::decimal(4,3) AS price, date_time FROM bid
