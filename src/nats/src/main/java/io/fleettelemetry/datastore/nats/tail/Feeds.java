package io.fleettelemetry.datastore.nats.tail;

import io.fleettelemetry.api.Producer;
import io.fleettelemetry.api.kit.PlainText;
import io.fleettelemetry.datastore.nats.Feed;
import java.io.IOException;
import java.util.SortedMap;
import java.util.TreeMap;
import org.osgi.framework.BundleContext;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceReference;

/** Finds this bundle's datastores among the services. */
final class Feeds {

    private Feeds() {}

    /** All datastores by name, including those whose configuration was never correct. */
    static SortedMap<String, Producer> all(BundleContext context) {
        SortedMap<String, Producer> all = new TreeMap<>();
        try {
            context.getServiceReferences(Producer.class, null).stream()
                    .filter(reference -> reference.getBundle() == context.getBundle())
                    .sorted() // by ranking: the highest of one name comes last and replaces the others
                    .forEach(reference -> add(all, context, reference));
        } catch (InvalidSyntaxException e) {
            throw new IllegalStateException(e); // there is no filter
        }
        return all;
    }

    private static void add(
            SortedMap<String, Producer> all, BundleContext context, ServiceReference<Producer> reference) {
        Producer producer = context.getService(reference);
        if (producer != null) {
            all.put((String) reference.getProperty(Producer.DATASTORE), producer);
            context.ungetService(reference);
        }
    }

    /**
     * @throws IOException if there is no such datastore, or its configuration was refused; names the existing
     *     datastores
     */
    static Feed named(String name, BundleContext context) throws IOException {
        SortedMap<String, Producer> all = all(context);
        if (all.get(name) instanceof Feed feed) {
            return feed;
        }
        throw new IOException(PlainText.of(
                all.containsKey(name)
                        ? "the configuration of the datastore \"" + name + "\" was refused; telemetry:status says why"
                        : "there is no NATS datastore \"" + name + "\"; there "
                                + (all.isEmpty() ? "is none at all" : "are: " + String.join(", ", all.keySet()))));
    }
}
