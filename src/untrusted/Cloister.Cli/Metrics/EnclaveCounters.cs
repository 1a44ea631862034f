using Cloister.Contracts.EnclaveAdmin;

namespace Cloister.Cli.Metrics;

/// <summary>What an enclave counts by name, as metrics: enclaves say names and numbers, what they mean is known out here.</summary>
internal static class EnclaveCounters
{
    private static readonly Family[] Families =
    [
        new("cloister_encryptions_total", true, "Encryptions that succeeded, on the KMS and secrets sockets.", "encryptions"),
        new("cloister_decryptions_total", true, "Decryptions that succeeded, on the KMS and secrets sockets.", "decryptions"),
        new("cloister_failures_total", true, "Calls that failed, on any socket.", "failures"),
        new("cloister_connections_refused_total", true, "Connections closed by uid, by key, because they said nothing for 5 s, or for want of room.", "connections_refused"),
        new("cloister_connections_gave_way_total", true, "Idle or slow connections closed so that others have room.", "connections_gave_way"),
        new("cloister_requests_gave_way_total", true, "Half-sent requests given up for others, or after 10 s.", "requests_gave_way"),
        new("cloister_cached_deks", false, "DEKs kept for reads (custody remote).", "cached_deks"),
        new("cloister_ready_deks", false, "Wrapped DEKs that writes can take without a call of the remote KMS (custody remote).", "ready_deks"),
        new("cloister_remote_calls_total", true, "Calls of the software KMS (simulated TEE only).", "remote_calls"),
        new("cloister_gateway_connections_total", true, "Connections of API servers that the gateway took.", "gateway_connections"),
        new("cloister_gateway_connections_open", false, "Connections of API servers that are open.", "gateway_connections_open"),
        new("cloister_gateway_connections_ended_total", true, "Connections that the gateway closed, by reason.", "gateway_connections_*", "reason",
            ["gave_way_unauthenticated", "handshake_timeout", "gave_way", "refused", "slow"]),
        new("cloister_gateway_calls_total", true, "Calls of API servers to etcd, through the gateway.", "gateway_calls"),
        new("cloister_gateway_calls_refused_total", true, "Calls that the gateway answered with an error of its own.", "gateway_calls_refused"),
        new("cloister_gateway_values_total", true, "Values that passed the gateway, by what became of them.", "gateway_values_*", "result",
            ["encrypted", "decrypted", "passed_through", "refused", "undecryptable", "kek_absent"]),
        new("cloister_gateway_answers_refused_total", true, "Answers that are not to what was asked: whoever answers as etcd shows other values, or is broken.", "gateway_answers_refused"),
        new("cloister_gateway_keys_refused_total", true, "Calls for keys that the gateway does not serve.", "gateway_keys_refused"),
        new("cloister_gateway_etcd_changes_total", true, "How often the gateway went on with another member of etcd.", "gateway_etcd_left"),
        new("cloister_gateway_etcd_failures_total", true, "How often a member of etcd could not be reached or did not do its work; members as in gateway.etcd.endpoints, from 1.", "gateway_etcd_failures_*", "member"),
        new("cloister_gateway_etcd_sick", false, "1: that member of etcd was asked for work and did not do it.", "gateway_etcd_sick_*", "member"),
        new("cloister_gateway_tls_reloads_total", true, "Certificate files that changed, by whether the new ones are used.", "gateway_tls_files_*", "result", ["taken", "refused"]),
        new("cloister_gateway_memory_bytes", false, "What the gateway holds in messages and calls.", "gateway_memory_bytes"),
        new("cloister_gateway_memory_limit_bytes", false, "What it may hold: above, calls are refused.", "gateway_memory_limit_bytes"),
    ];

    // Names as enclaves have them, and as they are told apart in the label.
    private static readonly (string Counter, string Certificate)[] Certificates =
    [
        ("gateway_serving_certificate_expires", "gateway"), ("gateway_issued_certificate_expires", "gateway-issued"), ("gateway_client_authorities_expire", "gateway-client-ca"),
        ("gateway_etcd_certificate_expires", "etcd-client"), ("gateway_etcd_authorities_expire", "etcd-ca"),
    ];

    /// <summary>Writes them.</summary>
    /// <param name="text">Where.</param>
    /// <param name="enclaves">Labels and state of each enclave that answers.</param>
    internal static void Write(PrometheusText text, IReadOnlyList<(string Labels, EnclaveState State)> enclaves)
    {
        foreach (Family family in Families)
        {
            IEnumerable<(string Labels, double Value)> samples = enclaves.SelectMany(enclave => enclave.State.Counters
                .Select(counter => (Labels: family.LabelsOf(counter.Name), counter.Value))
                .Where(one => one.Labels is not null)
                .Select(one => (enclave.Labels + one.Labels, (double)one.Value)));
            if (family.Counts)
            {
                text.Counter(family.Name, family.Help, samples);
            }
            else
            {
                text.Gauge(family.Name, family.Help, samples);
            }
        }

        text.Gauge("cloister_certificate_expires_timestamp_seconds", "When a certificate ends, Unix time; of authorities the one that ends first.", enclaves.SelectMany(enclave => Certificates
            .Select(one => (one.Certificate, Value: enclave.State.Counters.FirstOrDefault(counter => counter.Name == one.Counter)?.Value ?? 0))
            .Where(one => one.Value > 0)
            .Select(one => ($"{enclave.Labels},{PrometheusText.Labels(("certificate", one.Certificate))}", (double)one.Value))));
        text.Gauge("cloister_exporter_unknown_counters", "Numbers of a newer enclave that this exporter does not know: upgrade it.", enclaves.Select(enclave =>
            (enclave.Labels, (double)enclave.State.Counters.Count(counter => !IsKnown(counter.Name)))));
    }

    private static bool IsKnown(string name) => Array.Exists(Families, family => family.LabelsOf(name) is not null) || Array.Exists(Certificates, one => one.Counter == name);

    /// <param name="Name">Of the metric.</param>
    /// <param name="Counts">A counter, else a gauge.</param>
    /// <param name="Help">What it is.</param>
    /// <param name="Source">The enclave's name; with <c>*</c> at its end, the rest of the name is the label's value.</param>
    /// <param name="Label">The label, or empty.</param>
    /// <param name="Values">Values of the label; null: a number from 1.</param>
    private sealed record Family(string Name, bool Counts, string Help, string Source, string Label = "", string[]? Values = null)
    {
        // Null: not of this family.
        internal string? LabelsOf(string counter)
        {
            if (Label.Length == 0)
            {
                return counter == Source ? "" : null;
            }

            string stem = Source[..^1];
            string rest = counter.StartsWith(stem, StringComparison.Ordinal) ? counter[stem.Length..] : "";
            bool isOne = Values?.Contains(rest) ?? (rest.Length is > 0 and <= 3 && rest.All(char.IsAsciiDigit));
            return isOne ? $",{PrometheusText.Labels((Label, rest))}" : null;
        }
    }
}
