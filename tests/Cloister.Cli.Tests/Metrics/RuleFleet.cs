namespace Cloister.Cli.Tests.Metrics;

/// <summary>
/// Series of two clusters with nothing wrong, for promtool: two nodes that are confidential VMs, one with SGX behind a relay, a broker, an API server, reports. Time begins at 0 and a
/// sample comes each minute.
/// </summary>
internal static class RuleFleet
{
    internal const string Encrypt = "method=\"v2.KeyManagementService/Encrypt\"";

    private const string Never = "31536000x2000";
    private const string Now = "0+60x2000";
    private const string Zero = "0x2000";
    private const string One = "1x2000";

    private static readonly string[] Reasons = ["no_kek", "no_active_version", "no_lease", "lease_over", "revoked", "no_wraps", "no_unwraps", "not_released", "kms_refuses", "kms_silent", "fault"];

    /// <summary>Values by series.</summary>
    internal static Dictionary<string, string> Healthy() => new(
    [
        .. Enclave("a1", "a", "snp"), .. Enclave("a2", "a", "snp"), .. Enclave("b1", "b", "sgx"), .. Relay("b1"), .. Broker("k1"), .. Reports("a1"),
        new("""apiserver_envelope_encryption_key_id_hash_last_timestamp_seconds{job="kubernetes-apiservers",instance="api",transformation_type="to_storage",provider_name="tee",key_id_hash="sha256:a"}""", Now),
    ]);

    /// <summary>Labels of an enclave's series.</summary>
    internal static string At(string instance, string more = "") => $"{{job=\"cloister-enclave\",instance=\"{instance}\",socket=\"/run/cloister/admin.sock\"{(more.Length == 0 ? "" : $",{more}")}}}";

    /// <summary>Labels of a broker's series.</summary>
    internal static string AtBroker(string more = "") => $"{{job=\"cloister-broker\",instance=\"k1\"{(more.Length == 0 ? "" : $",{more}")}}}";

    /// <summary>Labels of a relay's series.</summary>
    internal static string AtRelay(string more) => $"{{job=\"cloister-relay\",instance=\"b1\",{more}}}";

    private static IEnumerable<KeyValuePair<string, string>> Enclave(string instance, string cluster, string tee)
    {
        yield return new($$"""up{job="cloister-enclave",instance="{{instance}}"}""", One);
        foreach ((string name, string labels, string values) in (IEnumerable<(string, string, string)>)
        [
            ("cloister_up", "", One), ("cloister_healthy", "", One), ("cloister_status_reason", "reason=\"ok\"", One),
            .. Reasons.Select(reason => ("cloister_status_reason", $"reason=\"{reason}\"", Zero)),
            ("cloister_info", $"tee=\"{tee}\",custody=\"attested\",cluster=\"{cluster}\",provider=\"tee\"", One),
            ("cloister_active_key_info", $"key_id_hash=\"sha256:{cluster}\"", One), ("cloister_keys_locked_in_memory", "", One),
            ("cloister_lease_held", "", One), ("cloister_lease_renewal_failing", "", Zero), ("cloister_lease_seconds_left", "", "3000x2000"), ("cloister_lease_unwraps_left", "", "90000x2000"),
            ("cloister_lease_restored", "", Zero), ("cloister_lease_audit_went_back_total", "", Zero),
            ("cloister_broker_reachable", "broker=\"https://one\"", One), ("cloister_broker_reachable", "broker=\"https://two\"", One),
            ("cloister_requests_total", $"role=\"kms\",{Encrypt},code=\"OK\"", Now), ("cloister_requests_total", $"role=\"kms\",{Encrypt},code=\"InvalidArgument\"", Zero),
            ("cloister_request_duration_seconds_bucket", $"role=\"kms\",{Encrypt},le=\"0.000128\"", Now), ("cloister_request_duration_seconds_bucket", $"role=\"kms\",{Encrypt},le=\"4.194304\"", Now),
            ("cloister_request_duration_seconds_bucket", $"role=\"kms\",{Encrypt},le=\"+Inf\"", Now),
            ("cloister_decryptions_total", "", Now), ("cloister_connections_refused_total", "", Zero),
            .. new[] { "undecryptable", "kek_absent" }.Select(result => ("cloister_gateway_values_total", $"result=\"{result}\"", Zero)), ("cloister_gateway_values_total", "result=\"decrypted\"", Now),
            ("cloister_gateway_answers_refused_total", "", Zero), ("cloister_gateway_keys_refused_total", "", Zero),
            ("cloister_gateway_memory_bytes", "", "1000x2000"), ("cloister_gateway_memory_limit_bytes", "", "100000x2000"),
            ("cloister_gateway_connections_ended_total", "reason=\"refused\"", Zero), ("cloister_gateway_connections_ended_total", "reason=\"gave_way\"", Zero),
            ("cloister_gateway_etcd_sick", "member=\"1\"", Zero), ("cloister_gateway_etcd_failures_total", "member=\"1\"", Zero),
            .. new[] { "call", "etcd" }.SelectMany(what => new[] { "0.001024", "4.194304", "+Inf" }.Select(le => ($"cloister_gateway_{what}_duration_seconds_bucket", $"le=\"{le}\"", Now))),
            ("cloister_gateway_tls_reloads_total", "result=\"refused\"", Zero),
            ("cloister_certificate_expires_timestamp_seconds", "certificate=\"gateway-issued\"", "3600+60x2000"), ("cloister_certificate_expires_timestamp_seconds", "certificate=\"etcd-client\"", Never),
        ])
        {
            yield return new(name + At(instance, labels), values);
        }
    }

    private static IEnumerable<KeyValuePair<string, string>> Relay(string instance) =>
    [
        new($$"""up{job="cloister-relay",instance="{{instance}}"}""", One),
        new("cloister_relay_target_failures_total" + AtRelay("reason=\"connect\""), Zero), new("cloister_relay_connections_refused_total" + AtRelay("reason=\"limit\""), Zero),
    ];

    private static IEnumerable<KeyValuePair<string, string>> Broker(string instance)
    {
        yield return new($$"""up{job="cloister-broker",instance="{{instance}}"}""", One);
        yield return new("cloister_certificate_expires_timestamp_seconds" + AtBroker("certificate=\"broker\""), Never);
        foreach ((string name, string labels, string values) in (IEnumerable<(string, string, string)>)
        [
            ("database_up", "", One), ("key_store_up", "store=\"database\"", One),
            .. new[] { "0.001", "1.024", "4.096", "+Inf" }.Select(le => ("store_duration_seconds_bucket", $"operation=\"commit\",le=\"{le}\"", Now)),
            ("answers_total", "route=\"/kbs/v0/cloister/lease\",result=\"ok\"", Now), ("answers_total", "route=\"/kbs/v0/cloister/lease\",result=\"Busy\"", Zero),
            ("evidence_total", "tee=\"snp\",policy=\"production\",result=\"accepted\",step=\"\"", Now), ("evidence_total", "tee=\"snp\",policy=\"production\",result=\"refused\",step=\"measurement\"", Zero),
            ("enclaves_failing_soon", "", Zero), ("forecast_time_seconds", "", Now), ("collateral_end_seconds", "model=\"snp-milan\",item=\"crl\",early=\"false\"", Never),
            ("audit_conflict", "", Zero), ("audit_size", "", "100x2000"), ("audit_exported_size", "to=\"webhook\"", "100x2000"), ("audit_exported_timestamp_seconds", "to=\"webhook\"", Zero),
            ("rows_not_authentic", "", Zero), ("row_change", "", "10+1x2000"), ("requests_waiting", "", Zero), ("active_key_timestamp_seconds", "key_id_hash=\"sha256:a\"", Zero),
            ("versions_without_shares", "", Zero), ("keks_without_drill", "", Zero), ("oldest_drill_timestamp_seconds", "", "1x2000"),
        ])
        {
            yield return new($"cloister_broker_{name}{AtBroker(labels)}", values);
        }
    }

    private static IEnumerable<KeyValuePair<string, string>> Reports(string instance)
    {
        string At(string more) => $"{{job=\"cloister-enclave\",instance=\"{instance}\",{more}}}";
        return
        [
            new("cloister_report_readable" + At("report=\"coverage\""), One), new("cloister_report_timestamp_seconds" + At("report=\"coverage\""), Now),
            new("cloister_coverage_ok" + At("report=\"coverage\""), One), new("cloister_rotation_stage" + At("report=\"rotation\",stage=\"Migrating\""), Zero),
            new("cloister_rotation_stage" + At("report=\"rotation\",stage=\"Complete\""), One),
        ];
    }
}
