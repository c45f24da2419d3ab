import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.KafkaMessageListenerContainer;
import org.springframework.kafka.requestreply.ReplyingKafkaTemplate;
import org.springframework.kafka.support.serializer.JacksonJsonDeserializer;
import org.springframework.kafka.support.serializer.JacksonJsonSerializer;

/** Spring asks by ReplyingKafkaTemplate; with Spring Boot the two factories are injected. */
public class Ask {

  static final String SERVERS = variable("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092");
  static final String REQUESTS = variable("REQUESTS_TOPIC", "prediction-requests");
  static final String REPLIES = variable("REPLIES_TOPIC", "prediction-replies");

  public static void main(String[] arguments) throws Exception {
    var template = template();
    template.start();
    if (!template.waitForAssignment(Duration.ofSeconds(20))) {
      throw new IllegalStateException("no partition of " + REPLIES);
    }

    var reply = ask(template, Map.of("tv", 50));
    System.out.println(reply.get("prediction") + " " + reply);

    String error = "";
    try {
      ask(template, Map.of("tv", "abc"));
    } catch (ExecutionException refused) {
      error = refused.getCause().getMessage();
      System.out.println(error);
    }

    template.destroy();
    System.exit(reply.containsKey("prediction") && error.startsWith("not-a-number") ? 0 : 1);
  }

  static Map<String, ?> ask(
      ReplyingKafkaTemplate<String, Map<String, ?>, Map<String, ?>> template,
      Map<String, ?> question)
      throws Exception {
    return template.sendAndReceive(new ProducerRecord<>(REQUESTS, question)).get().value();
  }

  static ReplyingKafkaTemplate<String, Map<String, ?>, Map<String, ?>> template() {
    var producers =
        new DefaultKafkaProducerFactory<String, Map<String, ?>>(
            Map.of("bootstrap.servers", SERVERS),
            new StringSerializer(),
            new JacksonJsonSerializer<>());
    var consumers =
        new DefaultKafkaConsumerFactory<String, Map<String, ?>>(
            Map.of(
                "bootstrap.servers", SERVERS,
                "group.id", "riverline-example-" + UUID.randomUUID(), // it sees every reply
                "auto.offset.reset", "latest"),
            new StringDeserializer(),
            new JacksonJsonDeserializer<Map<String, ?>>(Map.class, false));
    var container =
        new KafkaMessageListenerContainer<>(consumers, new ContainerProperties(REPLIES));
    var template = new ReplyingKafkaTemplate<>(producers, container);
    template.setSharedReplyTopic(true); // replies to others are nothing to complain of
    template.setReplyErrorChecker(Ask::error);
    return template;
  }

  /** An error reply is thrown; Spring leaves it to us to say what one looks like. */
  static Exception error(ConsumerRecord<?, ?> record) {
    return record.value() instanceof Map<?, ?> reply && reply.get("error") instanceof Map<?, ?> error
        ? new IllegalArgumentException(error.get("code") + ": " + error.get("message"))
        : null;
  }

  static String variable(String name, String otherwise) {
    return System.getenv().getOrDefault(name, otherwise);
  }
}
