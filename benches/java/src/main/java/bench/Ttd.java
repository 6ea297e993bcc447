package bench;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.LongDeserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.test.TestRecord;

/**
 * Kafka Streams' TopologyTestDriver, one record or one list of records at a time: the counterpart of {@code src/bin/ttd.rs}, with the same
 * records, arguments and output. Without a guarantee it is Kafka Streams' default, {@code at_least_once}; in both it commits after
 * everything that is piped, as the test driver always does.
 */
public final class Ttd {
    private static final long KEYS = 100_000;
    private static final byte MASK = 0x5A;

    /** Bits of the first byte are flipped; what began with a zero is dropped. */
    private static Topology stateless() {
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream("in", Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
            .mapValues(value -> {
                byte[] flipped = value.clone();
                flipped[0] ^= MASK;
                return flipped;
            })
            .filter((key, value) -> value[0] != MASK)
            .to("out", Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
        return builder.build();
    }

    /** How many records there were of each key, in memory, without a cache. */
    private static Topology count() {
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream("in", Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
            .groupByKey()
            .count(Materialized.<byte[], Long>as(Stores.inMemoryKeyValueStore("count")).withValueSerde(Serdes.Long()))
            .toStream()
            .to("out", Produced.with(Serdes.ByteArray(), Serdes.Long()));
        return builder.build();
    }

    public static void main(String[] arguments) throws Exception {
        int records = Integer.parseInt(arguments[1]);
        int batches = Integer.parseInt(arguments[2]);
        int together = arguments.length > 3 ? Integer.parseInt(arguments[3]) : 1;
        String guarantee = arguments.length > 4 ? arguments[4] : "at_least_once";
        if (arguments[0].equals("stateless")) {
            run(stateless(), new ByteArrayDeserializer(), "W1", records, batches, together, guarantee);
        } else {
            run(count(), new LongDeserializer(), "W3", records, batches, together, guarantee);
        }
    }

    private static <V> void run(
            Topology topology,
            Deserializer<V> values,
            String name,
            int records,
            int batches,
            int together,
            String guarantee)
            throws Exception {
        Path state = Files.createTempDirectory("ttd");
        Properties settings = new Properties();
        settings.put("application.id", "ttd");
        settings.put("bootstrap.servers", "unused:1");
        settings.put("state.dir", state.toString());
        settings.put("statestore.cache.max.bytes", "0");
        settings.put("processing.guarantee", guarantee);
        byte[] value = new byte[100];
        value[0] = 1;
        long random = 42;
        long timestamp = 1_760_000_000_000L;
        try (TopologyTestDriver driver = new TopologyTestDriver(topology, settings)) {
            TestInputTopic<byte[], byte[]> in =
                driver.createInputTopic("in", new ByteArraySerializer(), new ByteArraySerializer());
            TestOutputTopic<byte[], V> out = driver.createOutputTopic("out", new ByteArrayDeserializer(), values);
            for (int batch = 0; batch < batches; batch++) {
                long read = 0;
                long cpu = cpuNanos();
                long wall = System.nanoTime();
                for (int i = 0; i < records / together; i++) {
                    List<TestRecord<byte[], byte[]>> list = together == 1 ? null : new ArrayList<>(together);
                    for (int j = 0; j < together; j++) {
                        random = random * 6_364_136_223_846_793_005L + 1_442_695_040_888_963_407L;
                        byte[] key = ByteBuffer.allocate(8).putLong((random >>> 33) % KEYS).array();
                        Instant time = Instant.ofEpochMilli(timestamp++);
                        if (together == 1) {
                            in.pipeInput(key, value.clone(), time);
                        } else {
                            list.add(new TestRecord<>(key, value.clone(), time));
                        }
                    }
                    if (together > 1) {
                        in.pipeRecordList(list);
                    }
                    while (!out.isEmpty()) {
                        out.readRecord();
                        read++;
                    }
                }
                double wallUs = (System.nanoTime() - wall) / 1e3 / records;
                double cpuUs = (cpuNanos() - cpu) / 1e3 / records;
                System.out.printf(Locale.ROOT,
                    "{\"workload\":\"W9-%s\",\"contender\":\"java\",\"guarantee\":\"%s\",\"batch\":%d,\"records\":%d,\"outputs\":%d,"
                        + "\"wall_us_per_record\":%.3f,\"cpu_us_per_record\":%.3f}%n",
                    name, guarantee, batch, records, read, wallUs, cpuUs);
            }
        }
    }

    private static long cpuNanos() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }

    private Ttd() { }
}
