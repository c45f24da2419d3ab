import io.quarkus.runtime.QuarkusApplication;
import io.quarkus.runtime.annotations.QuarkusMain;
import io.smallrye.common.annotation.Identifier;
import io.smallrye.reactive.messaging.kafka.KafkaRecord;
import io.smallrye.reactive.messaging.kafka.reply.KafkaRequestReply;
import io.smallrye.reactive.messaging.kafka.reply.ReplyFailureHandler;
import io.vertx.core.json.JsonObject;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.time.Duration;
import org.eclipse.microprofile.reactive.messaging.Channel;

/** Quarkus asks by SmallRye's KafkaRequestReply; the topics are in application.properties. */
@QuarkusMain
public class Ask implements QuarkusApplication {

  @Inject
  @Channel("predictions")
  KafkaRequestReply<JsonObject, JsonObject> predictions;

  @Override
  public int run(String... arguments) {
    var reply = ask(new JsonObject().put("tv", 50));
    System.out.println(reply.getDouble("prediction") + " " + reply);

    String code = "";
    try {
      ask(new JsonObject().put("tv", "abc"));
    } catch (RefusedException refused) {
      code = refused.error.getString("code");
      System.out.println(code + " " + refused.error);
    }
    return reply.containsKey("prediction") && code.equals("not-a-number") ? 0 : 1;
  }

  JsonObject ask(JsonObject question) {
    return predictions.request(question).await().atMost(Duration.ofSeconds(20));
  }

  /** An error reply carries its error, a code and a message, in a header too. */
  @ApplicationScoped
  @Identifier("error-header")
  public static class ErrorHeader implements ReplyFailureHandler {
    @Override
    public Throwable handleReply(KafkaRecord<?, ?> reply) {
      var header = reply.getHeaders().lastHeader("REPLY_ERROR");
      return header == null ? null : new RefusedException(new JsonObject(new String(header.value())));
    }
  }

  static class RefusedException extends RuntimeException {
    final JsonObject error;

    RefusedException(JsonObject error) {
      super(error.getString("message"));
      this.error = error;
    }
  }
}
