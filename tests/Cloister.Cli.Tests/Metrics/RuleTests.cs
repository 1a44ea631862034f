using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Cloister.Cli.Tests.Deploy;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Metrics;

/// <summary>Alerts: each is about metrics that there are, says what to do and where more is said, fires where it should, and nowhere else.</summary>
public sealed partial class RuleTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static string Rules => File.ReadAllText(DeployFiles.File("prometheus", "cloister.rules.yaml"));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Each_is_about_metrics_that_there_are_and_says_what_to_do()
    {
        HashSet<string> documented = [.. Row().Matches(File.ReadAllText(Path.Combine(Programs.RepositoryRoot, "docs", "metrics.md"))).Select(row => row.Groups[1].Value)];
        string[] anchors = [.. Heading().Matches(File.ReadAllText(Path.Combine(Programs.RepositoryRoot, "docs", "operations.md"))).Select(heading => heading.Groups[1].Value)];
        string[] alerts = Rules.Split("- alert: ")[1..];
        Assert.All(alerts, alert =>
        {
            string name = alert.Split('\n')[0];
            string expression = Expression().Match(alert).Groups[1].Value;
            Assert.All(Metric().Matches(expression), metric => Assert.Contains(Suffix().Replace(metric.Value, ""), documented));
            Assert.Contains("labels: {severity: ", alert, StringComparison.Ordinal);
            Assert.All((string[])["summary", "description", "fix"], annotation => Assert.Matches($"\n +{annotation}: \"[^\"]", alert));
            Assert.Contains($"runbook_url: docs/operations.md#{name.ToLowerInvariant()}\n", alert + "\n", StringComparison.Ordinal);
            Assert.Contains(name, anchors);
        });
        string[] names = [.. alerts.Select(alert => alert.Split('\n')[0])];
        Assert.Equal(names, names.Distinct());
        Assert.Equal(names.Order(), anchors.Where(anchor => anchor.StartsWith("Cloister", StringComparison.Ordinal)).Order());
        Assert.Equal(names.Order(), Cases().SelectMany(one => one.Expected.Keys).Distinct().Order());
    }

    [Fact]
    public async Task Each_fires_where_it_should_and_no_other_does()
    {
        Assert.SkipUnless(DeployFiles.Has("promtool"), "no promtool in PATH: apt-get install prometheus");
        StringBuilder text = new($"rule_files: [{DeployFiles.File("prometheus", "cloister.rules.yaml")}]\nevaluation_interval: 1m\ntests:\n");
        foreach (Case one in Cases())
        {
            one.Write(text);
        }

        await File.WriteAllTextAsync(_folder["rules.test.yaml"], text.ToString(), Stop);
        CliResult result = await DeployFiles.RunAsync("promtool", "test", "rules", _folder["rules.test.yaml"]);
        Assert.True(result.ExitCode == 0, result.Output + result.Errors);
    }

    [Fact]
    public async Task The_query_for_custody_manual_finds_what_was_in_use_90_days_ago_and_is_now()
    {
        Assert.SkipUnless(DeployFiles.Has("promtool"), "no promtool in PATH: apt-get install prometheus");
        string document = await File.ReadAllTextAsync(Path.Combine(Programs.RepositoryRoot, "docs", "metrics.md"), Stop);
        string query = Assert.Single(document.Split('\n'), line => line.EndsWith(" offset 90d", StringComparison.Ordinal));
        await File.WriteAllTextAsync(
            _folder["query.test.yaml"],
            $$"""
            evaluation_interval: 1d
            tests:
              - interval: 1d
                input_series:
                  - { series: 'cloister_active_key_info{instance="a1",key_id_hash="sha256:old"}', values: '1x91' }
                  - { series: 'cloister_active_key_info{instance="b1",key_id_hash="sha256:old"}', values: '1x60 _x31' }
                  - { series: 'cloister_active_key_info{instance="b1",key_id_hash="sha256:new"}', values: '_x60 1x31' }
                promql_expr_test:
                  - expr: '{{query}}'
                    eval_time: 91d
                    exp_samples: [ { labels: 'cloister_active_key_info{instance="a1",key_id_hash="sha256:old"}', value: 1 } ]
            """,
            Stop);
        CliResult result = await DeployFiles.RunAsync("promtool", "test", "rules", _folder["query.test.yaml"]);
        Assert.True(result.ExitCode == 0, result.Output + result.Errors);
    }

    private static List<Case> Cases()
    {
        string a1 = RuleFleet.At("a1");
        string first = "certificate=\"etcd-client\"";
        string kms = $"role=\"kms\",{RuleFleet.Encrypt}";
        return
        [
            new("nothing is wrong, for a day and an hour", "25h", []),
            new("an exporter is missing", "10m", new() { ["CloisterTargetDown"] = 1 }) { Left = "b1", Changed = { ["up{job=\"cloister-enclave\",instance=\"b1\"}"] = "1x2 0x2000" } },
            new("no exporter is known", "10m", new() { ["CloisterMetricsAbsent"] = 1 }) { Left = "job=\"cloister-enclave\"" },
            One("CloisterDown", "5m", ("cloister_up" + a1, "0x2000")),
            One("CloisterStatusError", "5m", Status("a1", "no_kek")),
            One("CloisterStatusError", "5m", Status("b1", "kms_silent")),
            One("CloisterRevoked", "1m", Status("a1", "revoked")),
            One("CloisterKeyIdsDiffer", "10m", ("cloister_active_key_info" + RuleFleet.At("a1", "key_id_hash=\"sha256:a\""), "_x2000"), ("cloister_active_key_info" + RuleFleet.At("a1", "key_id_hash=\"sha256:old\""), "1x2000")),
            One("CloisterApiServerKeyDiffers", "30m",
                ("""apiserver_envelope_encryption_key_id_hash_last_timestamp_seconds{job="kubernetes-apiservers",instance="api",transformation_type="to_storage",provider_name="tee",key_id_hash="sha256:other"}""", "0+60x2000")),
            One("CloisterFailures", "30m", ("cloister_requests_total" + RuleFleet.At("a1", $"{kms},code=\"InvalidArgument\""), "0+30x2000")),
            One("CloisterSlow", "30m", ("cloister_request_duration_seconds_bucket" + RuleFleet.At("a1", $"{kms},le=\"0.000128\""), "0x2000")),
            One("CloisterDecryptionsUnusual", "30m", ("cloister_decryptions_total" + a1, "0+600x2000")),
            One("CloisterConnectionsRefused", "15m", ("cloister_connections_refused_total" + a1, "0+10x2000")),
            One("CloisterKeysNotLocked", "10m", ("cloister_keys_locked_in_memory" + a1, "0x2000")),
            One("CloisterSimulated", "1m", ("cloister_info" + RuleFleet.At("a1", "tee=\"simulated\",custody=\"attested\",cluster=\"a\",provider=\"tee\""), "1x2000"),
                ("cloister_info" + RuleFleet.At("a1", "tee=\"snp\",custody=\"attested\",cluster=\"a\",provider=\"tee\""), "_x2000")),
            One("CloisterLeaseNotRenewed", "10m", ("cloister_lease_renewal_failing" + a1, "1x2000")),
            new("a lease near its end", "10m", new() { ["CloisterLeaseNotRenewed"] = 1, ["CloisterLeaseNearEnd"] = 1 })
                { Changed = { ["cloister_lease_renewal_failing" + a1] = "1x2000", ["cloister_lease_seconds_left" + a1] = "600x2000" } },
            One("CloisterBrokerAway", "5m", ("cloister_broker_reachable" + RuleFleet.At("a1", "broker=\"https://one\""), "0x2000")),
            new("no broker answers an enclave", "5m", new() { ["CloisterBrokerAway"] = 2, ["CloisterAllBrokersAway"] = 1 })
                { Changed = { ["cloister_broker_reachable" + RuleFleet.At("b1", "broker=\"https://one\"")] = "0x2000", ["cloister_broker_reachable" + RuleFleet.At("b1", "broker=\"https://two\"")] = "0x2000" } },
            new("a budget that is not renewed", "14m", new() { ["CloisterUnwrapBudgetLow"] = 1, ["CloisterLeaseNotRenewed"] = 1 })
                { Changed = { ["cloister_lease_unwraps_left" + a1] = "90000-5000x15", ["cloister_lease_renewal_failing" + a1] = "1x2000" } },
            One("CloisterBudgetUsedUp", "5m", ("cloister_status_reason" + RuleFleet.At("a1", "reason=\"no_unwraps\""), "0x2 1 0x2000")),
            One("CloisterLeaseRestored", "15m", ("cloister_lease_restored" + a1, "1x2000")),
            One("CloisterAuditWentBack", "15m", ("cloister_lease_audit_went_back_total" + a1, "0x5 1x2000")),
            One("CloisterValuesDoNotOpen", "10m", ("cloister_gateway_values_total" + RuleFleet.At("a1", "result=\"undecryptable\""), "0x4 1x2000")),
            One("CloisterValuesDoNotOpen", "10m", ("cloister_gateway_values_total" + RuleFleet.At("b1", "result=\"kek_absent\""), "0x4 1x2000")),
            One("CloisterEtcdAnswersRefused", "10m", ("cloister_gateway_answers_refused_total" + a1, "0x4 1x2000")),
            One("CloisterKeysRefused", "10m", ("cloister_gateway_keys_refused_total" + a1, "0x4 1x2000")),
            One("CloisterGatewayMemory", "10m", ("cloister_gateway_memory_bytes" + a1, "95000x2000")),
            One("CloisterGatewayConnections", "10m", ("cloister_gateway_connections_ended_total" + RuleFleet.At("a1", "reason=\"refused\""), "0x4 3x2000")),
            One("CloisterEtcdMember", "10m", ("cloister_gateway_etcd_sick" + RuleFleet.At("a1", "member=\"1\""), "1x2000")),
            One("CloisterEtcdMember", "10m", ("cloister_gateway_etcd_failures_total" + RuleFleet.At("a1", "member=\"1\""), "0+2x2000")),
            One("CloisterGatewaySlow", "30m", ("cloister_gateway_call_duration_seconds_bucket" + RuleFleet.At("a1", "le=\"0.001024\""), "0x2000")),
            One("CloisterTlsFilesRefused", "30m", ("cloister_gateway_tls_reloads_total" + RuleFleet.At("a1", "result=\"refused\""), "0x4 1x2000")),
            One("CloisterCertificateExpires", "1m", ("cloister_certificate_expires_timestamp_seconds" + RuleFleet.At("a1", first), "600000x2000")),
            One("CloisterIssuedCertificate", "10m", ("cloister_certificate_expires_timestamp_seconds" + RuleFleet.At("a1", "certificate=\"gateway-issued\""), "100x2000")),
            One("CloisterRelayTarget", "10m", ("cloister_relay_target_failures_total" + RuleFleet.AtRelay("reason=\"connect\""), "0+1x2000")),
            One("CloisterRelayFull", "10m", ("cloister_relay_connections_refused_total" + RuleFleet.AtRelay("reason=\"limit\""), "0x6 5x2000")),
            One("CloisterBrokerDatabaseDown", "5m", ("cloister_broker_database_up" + RuleFleet.AtBroker(), "0x2000")),
            One("CloisterKeyStoreDown", "5m", ("cloister_broker_key_store_up" + RuleFleet.AtBroker("store=\"database\""), "0x2000")),
            One("CloisterBrokerSlow", "30m", ("cloister_broker_store_duration_seconds_bucket" + RuleFleet.AtBroker("operation=\"commit\",le=\"0.001\""), "0x2000"),
                ("cloister_broker_store_duration_seconds_bucket" + RuleFleet.AtBroker("operation=\"commit\",le=\"1.024\""), "0x2000")),
            One("CloisterBrokerBusy", "15m", ("cloister_broker_answers_total" + RuleFleet.AtBroker("route=\"/kbs/v0/cloister/lease\",result=\"Busy\""), "0+30x2000")),
            One("CloisterEvidenceRefused", "20m", ("cloister_broker_evidence_total" + RuleFleet.AtBroker("tee=\"snp\",policy=\"production\",result=\"refused\",step=\"measurement\""), "0+1x2000")),
            One("CloisterEnclavesFailingSoon", "1m", ("cloister_broker_enclaves_failing_soon" + RuleFleet.AtBroker(), "3x2000")),
            One("CloisterForecastOld", "4h", ("cloister_broker_forecast_time_seconds" + RuleFleet.AtBroker(), "0x2000")),
            One("CloisterCollateralEnds", "1m", ("cloister_broker_collateral_end_seconds" + RuleFleet.AtBroker("model=\"snp-milan\",item=\"crl\",early=\"false\""), "200000x2000")),
            One("CloisterAuditConflict", "1m", ("cloister_broker_audit_conflict" + RuleFleet.AtBroker(), "1x2000")),
            One("CloisterAuditNotExported", "1h", ("cloister_broker_audit_size" + RuleFleet.AtBroker(), "100+1x2000")),
            One("CloisterRowsNotAuthentic", "1m", ("cloister_broker_rows_not_authentic" + RuleFleet.AtBroker(), "1x2000")),
            One("CloisterRowsWentBack", "30m", ("cloister_broker_row_change" + RuleFleet.AtBroker(), "90x5 80x2000")),
            One("CloisterRequestsWaiting", "2h", ("cloister_broker_requests_waiting" + RuleFleet.AtBroker(), "1x2000")),
            One("CloisterKekOld", "1m", ("cloister_broker_active_key_timestamp_seconds" + RuleFleet.AtBroker("key_id_hash=\"sha256:a\""), "-8000000x2000")),
            new("neither shares nor drills, and a rotation that stands still", "25h", new() { ["CloisterVersionsWithoutShares"] = 1, ["CloisterDrillOld"] = 1, ["CloisterRotationStuck"] = 1 })
            {
                Changed =
                {
                    ["cloister_broker_versions_without_shares" + RuleFleet.AtBroker()] = "2x2000", ["cloister_broker_oldest_drill_timestamp_seconds" + RuleFleet.AtBroker()] = "-16000000x2000",
                    ["cloister_rotation_stage{job=\"cloister-enclave\",instance=\"a1\",report=\"rotation\",stage=\"Migrating\"}"] = "1x2000",
                },
            },
            One("CloisterCoverage", "1m", ("cloister_coverage_ok{job=\"cloister-enclave\",instance=\"a1\",report=\"coverage\"}", "0x2000")),
            One("CloisterReportOld", "20m", ("cloister_report_timestamp_seconds{job=\"cloister-enclave\",instance=\"a1\",report=\"coverage\"}", "-200000x2000")),
        ];
    }

    private static Case One(string alert, string at, params (string Series, string Values)[] changed)
    {
        Case one = new(alert, at, new() { [alert] = 1 });
        foreach ((string series, string values) in changed)
        {
            one.Changed[series] = values;
        }

        return one;
    }

    private static (string Series, string Values)[] Status(string instance, string reason) =>
    [
        ("cloister_status_reason" + RuleFleet.At(instance, "reason=\"ok\""), "0x2000"), ("cloister_status_reason" + RuleFleet.At(instance, $"reason=\"{reason}\""), "1x2000"),
        ("cloister_healthy" + RuleFleet.At(instance), "0x2000"),
    ];

    /// <summary>One thing that is wrong, what fires then, and how often.</summary>
    private sealed record Case(string What, string At, Dictionary<string, int> Expected)
    {
        internal Dictionary<string, string> Changed { get; } = [];

        // Series whose labels have this are not there.
        internal string Left { get; init; } = "";

        internal void Write(StringBuilder text)
        {
            Dictionary<string, string> series = RuleFleet.Healthy();
            foreach (string gone in series.Keys.Where(one => Left.Length > 0 && one.Contains(Left, StringComparison.Ordinal)).ToList())
            {
                series.Remove(gone);
            }

            foreach ((string name, string values) in Changed)
            {
                series[name] = values;
            }

            // A sample for each minute until then.
            string samples = $"x{(At.EndsWith('h') ? 60 : 1) * int.Parse(At[..^1], CultureInfo.InvariantCulture) + 1}";
            text.Append("- name: '").Append(What).Append("'\n  interval: 1m\n  input_series:\n");
            foreach ((string name, string values) in series)
            {
                text.Append("  - {series: '").Append(name).Append("', values: '").Append(values.Replace("x2000", samples, StringComparison.Ordinal)).Append("'}\n");
            }

            text.Append("  promql_expr_test:\n  - expr: count by (alertname) (ALERTS{alertstate=\"firing\"})\n    eval_time: ").Append(At).Append("\n    exp_samples:")
                .Append(Expected.Count == 0 ? " []" : "").Append('\n');
            foreach ((string alert, int count) in Expected)
            {
                text.Append("    - {labels: '{alertname=\"").Append(alert).Append("\"}', value: ").Append(count).Append("}\n");
            }
        }
    }

    [GeneratedRegex("^\\| `([a-z_]+)` \\|", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex("^### (.*)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex("^ +expr: '?(.*?)'?$", RegexOptions.Multiline)]
    private static partial Regex Expression();

    [GeneratedRegex("cloister_[a-z_]+")]
    private static partial Regex Metric();

    [GeneratedRegex("_(bucket|sum|count)$")]
    private static partial Regex Suffix();
}
