package bench;

import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** The topologies of this side, as a user of Kafka Streams would write them; the other side is `src/peer`. */
final class Topologies {
    private static final Serde<byte[]> BYTES = Serdes.ByteArray();
    private static final Serde<String> STRING = Serdes.String();
    private static final Serde<Long> LONG = Serdes.Long();
    private static final byte MASK = 0x5A;

    @JsonPropertyOrder({"id", "customer", "product", "quantity", "price_cents", "currency", "ts", "status"})
    public static final class Order {
        public long id;
        public String customer;
        public String product;
        public int quantity;
        public long price_cents;
        public String currency;
        public long ts;
        public String status;
    }

    static final class OrderSerde implements Serde<Order> {
        private static final ObjectMapper MAPPER = new ObjectMapper();
        private static final ObjectReader READER = MAPPER.readerFor(Order.class);
        private static final ObjectWriter WRITER = MAPPER.writerFor(Order.class);

        @Override
        public Serializer<Order> serializer() {
            return (topic, order) -> {
                try {
                    return order == null ? null : WRITER.writeValueAsBytes(order);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            };
        }

        @Override
        public Deserializer<Order> deserializer() {
            return (topic, bytes) -> {
                try {
                    return bytes == null ? null : READER.readValue(bytes);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            };
        }
    }

    static StreamsBuilder build(String workload, String in, String out) {
        StreamsBuilder builder = new StreamsBuilder();
        switch (workload) {
            case "W1":
            case "S1":
                builder.stream(in, Consumed.with(BYTES, BYTES))
                    .mapValues(value -> {
                        byte[] changed = value.clone();
                        changed[0] ^= MASK;
                        return changed;
                    })
                    .filter((key, value) -> value[0] != MASK)
                    .to(out, Produced.with(BYTES, BYTES));
                break;
            case "W1J":
                builder.stream(in, Consumed.with(BYTES, new OrderSerde()))
                    .mapValues(order -> {
                        order.quantity += 1;
                        order.status = "SEEN";
                        return order;
                    })
                    .filter((key, order) -> order.quantity != 1)
                    .to(out, Produced.with(BYTES, new OrderSerde()));
                break;
            case "W2":
                builder.stream(in, Consumed.with(BYTES, BYTES))
                    .groupByKey()
                    .count(Materialized.<byte[], Long, KeyValueStore<Bytes, byte[]>>as("count").withValueSerde(LONG))
                    .toStream()
                    .to(out, Produced.with(BYTES, LONG));
                break;
            case "W3":
                builder.stream(in, Consumed.with(BYTES, BYTES))
                    .groupByKey()
                    .count(Materialized.<byte[], Long>as(Stores.inMemoryKeyValueStore("count")).withValueSerde(LONG))
                    .toStream()
                    .to(out, Produced.with(BYTES, LONG));
                break;
            case "W7":
                builder.stream(in, Consumed.with(BYTES, STRING))
                    .flatMapValues(line -> Arrays.asList(line.split(" ")))
                    .groupBy((key, word) -> word, Grouped.with(STRING, STRING))
                    .count(Materialized.<String, Long, KeyValueStore<Bytes, byte[]>>as("words").withValueSerde(LONG))
                    .toStream()
                    .to(out, Produced.with(STRING, LONG));
                break;
            case "W8":
                builder.table(
                        in,
                        Consumed.with(BYTES, BYTES),
                        Materialized.<byte[], byte[], KeyValueStore<Bytes, byte[]>>as("w8"))
                    .toStream()
                    .to(out, Produced.with(BYTES, BYTES));
                break;
            default:
                throw new IllegalArgumentException("there is no workload " + workload + " here");
        }
        return builder;
    }

    private Topologies() { }
}
