package bench;

import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;

/** Kafka Streams as a contender: the contract's variables become its settings; it runs until it is asked to end. */
public final class Contender {
    private static String variable(String name) {
        String value = System.getenv(name);
        return value == null || value.isEmpty() ? null : value;
    }

    private static void put(Properties settings, String setting, String name) {
        String value = variable(name);
        if (value != null) {
            settings.put(setting, value);
        }
    }

    public static void main(String[] arguments) throws InterruptedException {
        boolean exactlyOnce = "exactly_once".equals(variable("GUARANTEE"));
        Properties settings = new Properties();
        put(settings, "application.id", "APPLICATION_ID");
        put(settings, "bootstrap.servers", "BOOTSTRAP_SERVERS");
        put(settings, "state.dir", "STATE_DIR");
        put(settings, "commit.interval.ms", "COMMIT_INTERVAL_MS");
        put(settings, "statestore.cache.max.bytes", "CACHE_BYTES");
        put(settings, "producer.linger.ms", "LINGER_MS");
        put(settings, "producer.batch.size", "BATCH_SIZE");
        put(settings, "num.stream.threads", "BENCH_THREADS");
        settings.put("processing.guarantee", exactlyOnce ? "exactly_once_v2" : "at_least_once");
        settings.put("consumer.auto.offset.reset", "earliest");
        // Any further setting: STREAMS_CONF="a=b;c=d".
        String further = variable("STREAMS_CONF");
        for (String setting : further == null ? new String[0] : further.split(";")) {
            String[] parts = setting.split("=", 2);
            settings.put(parts[0], parts[1]);
        }
        String[] inputs = variable("INPUT_TOPICS").split(",");
        KafkaStreams streams = new KafkaStreams(
            Topologies.build(variable("BENCH_WORKLOAD"), inputs[0], variable("OUTPUT_TOPIC")).build(settings),
            new StreamsConfig(settings));
        CountDownLatch failed = new CountDownLatch(1);
        streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.ERROR) {
                failed.countDown();
            }
        });
        // Java's own status after SIGTERM is 143; the contract asks for 0.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            streams.close(Duration.ofSeconds(20));
            Runtime.getRuntime().halt(failed.getCount() == 0 ? 3 : 0);
        }));
        streams.start();
        failed.await();
        System.exit(3);
    }

    private Contender() { }
}
