package io.fleettelemetry.host.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceRegistration;

class HostComponentTest {

    private final HostComponent component = new HostComponent();
    private final LogLines log = new LogLines();

    @BeforeEach
    void activate() {
        component.activate(context(), Map.of("records.V", "nats"));
    }

    @AfterEach
    void deactivate() {
        component.deactivate();
        log.close();
    }

    /** A framework that has no services, and takes ours. */
    private static BundleContext context() {
        return (BundleContext) Proxy.newProxyInstance(
                HostComponentTest.class.getClassLoader(),
                new Class<?>[] {BundleContext.class},
                (proxy, method, arguments) -> method.getReturnType() == ServiceRegistration.class
                        ? Proxy.newProxyInstance(
                                HostComponentTest.class.getClassLoader(),
                                new Class<?>[] {ServiceRegistration.class},
                                (registration, of, with) -> null)
                        : null);
    }

    private List<String> unknown() {
        return log.of("host_unknown_setting").stream()
                .map(line -> line.split(" ")[1])
                .toList();
    }

    @Test
    void a_mistyped_key_that_is_the_only_change_is_named_once_however_often_it_is_delivered() {
        component.configure(Map.of("records.V", "nats", "hold.max", "1"));
        component.configure(Map.of("records.V", "nats", "hold.max", "1"));
        assertEquals(List.of("key=hold.max"), unknown());
        component.configure(Map.of("records.V", "nats"));
        component.configure(Map.of("records.V", "nats", "hold.max", "1"));
        assertEquals(List.of("key=hold.max", "key=hold.max"), unknown());
    }

    @Test
    void a_file_that_is_empty_while_it_is_being_written_changes_nothing_and_one_that_is_deleted_does() {
        int configured = log.of("host_configured").size();
        component.configure(
                Map.of("service.pid", "io.fleettelemetry.host", "felix.fileinstall.filename", "file:host.cfg"));
        assertEquals(configured, log.of("host_configured").size());
        assertEquals(1, log.of("host_configuration_refused").size());
        component.configure(Map.of());
        assertEquals(configured + 1, log.of("host_configured").size());
    }

    @Test
    void a_mistyped_key_is_named_beside_a_value_that_is_refused() {
        component.configure(Map.of("record.V", "nats", "reliable_ack_sources.V", "nats"));
        assertEquals(List.of("key=record.V"), unknown());
        assertEquals(1, log.of("host_configuration_refused").size());
    }
}
