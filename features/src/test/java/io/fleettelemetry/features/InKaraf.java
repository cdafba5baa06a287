package io.fleettelemetry.features;

import io.fleettelemetry.testkit.KarafJdk;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.condition.EnabledIf;

/** Tests in Karaf, which are left out, and loudly, on a machine that has no {@linkplain KarafJdk JDK for it}. */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@Inherited
@EnabledIf(value = "io.fleettelemetry.features.InKaraf$Condition#isMet", disabledReason = InKaraf.NO_JDK)
@interface InKaraf {

    String NO_JDK = "There is no JDK for Karaf, which runs on 17 to 23: set KARAF_JAVA_HOME to one";

    /** Says so once. */
    final class Condition {
        private static final boolean MET = isThere();

        private Condition() {}

        static boolean isMet() {
            return MET;
        }

        private static boolean isThere() {
            boolean there = KarafJdk.find().isPresent();
            if (!there) {
                System.out.println("\nTHE TESTS IN KARAF DO NOT RUN. " + NO_JDK + ".\n");
            }
            return there;
        }
    }
}
