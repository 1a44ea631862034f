using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Cloister.AdminApi;

namespace Cloister.Cli.Doctor.Checks;

/// <summary>The brokers that a configuration names, and what one says to its administrator.</summary>
internal static class BrokerChecks
{
    private const string Document = "docs/broker-protocol.md";
    private const string Operations = "docs/operations.md";

    private static readonly TimeSpan Soon = TimeSpan.FromDays(7);
    private static readonly TimeSpan OldKek = TimeSpan.FromDays(90);

    internal static IReadOnlyList<Check> All { get; } =
    [
        new("broker-reachable", DoctorPhase.Cluster, "every broker can be connected to", Document, ReachableAsync),
        new("broker-pin", DoctorPhase.Cluster, "what answers there is a pinned broker", Document, PinAsync),
        .. LeaseChecks.All,
        new("broker-policy", DoctorPhase.Cluster, "policies go on accepting the enclaves", Operations, PolicyAsync),
        new("broker-digest", DoctorPhase.Cluster, "the broker knows this configuration", Operations, DigestAsync),
        new("broker-collateral", DoctorPhase.Cluster, "its collateral is fresh", Operations, CollateralAsync),
        new("broker-kek-age", DoctorPhase.Cluster, "KEKs are rotated", Operations, KekAgeAsync),
        new("broker-admin-key", DoctorPhase.Cluster, "the administrator's key lasts", Operations, AdminKeyAsync),
    ];

    private static IReadOnlyList<string> Urls(DoctorScope scope, out JsonNode broker)
    {
        broker = scope.Configuration["broker"] ?? throw new SkippedException("no broker is configured");
        return broker["via"] is null ? DoctorScope.Texts(broker["urls"]) : throw new SkippedException("the enclave reaches its brokers through relays (broker.via)");
    }

    private static async Task<IEnumerable<Finding>> ReachableAsync(DoctorScope scope, CancellationToken cancellation)
    {
        List<(string Url, string? Failure)> brokers = [];
        foreach (string url in Urls(scope, out _))
        {
            brokers.Add((url, await GatewayChecks.FailureAsync(url, cancellation)));
        }

        bool none = brokers.TrueForAll(broker => broker.Failure is not null);
        return brokers.Select(broker => broker.Failure is null ? Finding.Ok(broker.Url, "connected")
            : new Finding(none ? CheckState.Error : CheckState.Warn, broker.Url, broker.Failure, none ? "bring one back before the lease is over: writes stop then, and reads after its grace" : "the enclave uses another one", "systemctl status cloister-broker"));
    }

    private static async Task<IEnumerable<Finding>> PinAsync(DoctorScope scope, CancellationToken cancellation)
    {
        List<Finding> findings = [];
        IReadOnlyList<string> urls = Urls(scope, out JsonNode broker);
        IReadOnlyList<string> pins = DoctorScope.Texts(broker["pins"]);
        foreach (Uri url in urls.Select(text => new Uri(text)))
        {
            X509Certificate2Collection shown;
            try
            {
                shown = await GatewayChecks.ShownAsync(url.Host.Trim('[', ']'), url.Port, url.ToString(), cancellation);
            }
            catch (IOException)
            {
                // broker-reachable says it.
                continue;
            }

            string[] keys = [.. shown.Select(one => $"sha256:{Convert.ToBase64String(SHA256.HashData(one.PublicKey.ExportSubjectPublicKeyInfo()))}")];
            findings.Add(Finding.ErrorUnless(
                keys.Any(pins.Contains), url.ToString(), keys.Length == 0 ? "no TLS" : keys.Any(pins.Contains) ? keys.First(pins.Contains) : $"its keys are {string.Join(", ", keys)}, none is pinned",
                "if it is your broker: its pin, as it prints it when it starts, into broker.pins; that is a new configuration digest. If not: somebody stands in its place", "cloister admin whoami --context FILE"));
        }

        return findings;
    }

    private static async Task<IEnumerable<Finding>> PolicyAsync(DoctorScope scope, CancellationToken cancellation)
    {
        FleetForecast forecast = (await scope.BrokerAsync()).Forecast;
        string[] ours = await LeasesAsync(scope);
        EnclaveForecast[] looked = [.. forecast.Enclaves.Where(one => ours.Length == 0 || ours.Contains(one.Lease))];
        return looked.Length == 0
            ? [Finding.Warn(scope.Settings.Broker!, "it has no lease of this enclave", "ask again when the enclave has one: broker-lease says what keeps it from it", "cloister enclaves list --context FILE")]
            : looked.Select(one => one.Outlook switch
            {
                Outlooks.Accepted => Finding.Ok(one.Lease, $"accepted by {one.Policy}"),
                Outlooks.Unknown => Finding.Warn(one.Lease, $"cannot be told: {one.Detail}", "ask again after its next renewal", "cloister enclaves forecast --context FILE"),
                Outlooks.RefusedNow => Finding.Error(one.Lease, $"refused at its next renewal by {one.Policy}: {one.Step}: {one.Detail}", "the text names what does not fit: the policy, or this node", "cloister enclaves forecast --context FILE"),
                _ => Finding.Warn(one.Lease, $"{(one.Outlook == Outlooks.RefusedSoon ? "refused within days" : "refused when early collateral counts")} by {one.Policy}: {one.Step}: {one.Detail}", "docs/operations.md, 'Collateral', says what to do", "cloister enclaves forecast --context FILE"),
            });
    }

    private static async Task<IEnumerable<Finding>> DigestAsync(DoctorScope scope, CancellationToken cancellation)
    {
        string[] ours = await LeasesAsync(scope);
        EnclaveLease? lease = (await scope.BrokerAsync()).Leases.FirstOrDefault(one => ours.Contains(one.Lease)) ?? throw new SkippedException("the broker has no lease of this enclave");
        string digest = ConfigurationChecks.Digest(scope);
        return
        [
            Finding.ErrorUnless(
                lease.ConfigDigest.Equals(digest, StringComparison.OrdinalIgnoreCase), scope.ConfigurationPath, lease.ConfigDigest.Equals(digest, StringComparison.OrdinalIgnoreCase) ? digest
                    : $"the enclave runs with {lease.ConfigDigest}, the file is {digest}", "the file was changed since the enclave started: put the old one back, or have policies accept the new one before the restart", "cloister enclaves list --context FILE"),
        ];
    }

    private static async Task<IEnumerable<Finding>> CollateralAsync(DoctorScope scope, CancellationToken cancellation)
    {
        CollateralStatus status = (await scope.BrokerAsync()).Collateral;
        return status.Items.FirstOrDefault(item => !item.Early) is not { } first
            ? throw new SkippedException("the broker has no collateral yet")
            : [
                first.EndsAt <= status.At
                    ? Finding.Error($"{first.Model} {first.Item}", $"ended at {first.EndsAt:yyyy-MM-dd}, from {first.Source}", "fetch it anew: enclaves of this model are refused", "cloister collateral fetch")
                    : Finding.WarnUnless(first.EndsAt - status.At > Soon, $"{first.Model} {first.Item}", $"ends at {first.EndsAt:yyyy-MM-dd}, issued {first.IssuedAt:yyyy-MM-dd}, from {first.Source}", "look why its source does not renew it, or fetch it anew", "cloister collateral status --context FILE"),
            ];
    }

    private static async Task<IEnumerable<Finding>> KekAgeAsync(DoctorScope scope, CancellationToken cancellation) => (await scope.BrokerAsync()).Keks.Select(kek =>
        kek.Versions.FirstOrDefault(version => version.Active) is { } active
            ? Finding.WarnUnless(scope.Now - active.ActiveAt < OldKek, kek.Name, $"version {active.Version}, in use since {active.ActiveAt:yyyy-MM-dd}", $"rotate it at least every {OldKek.TotalDays:0} days", $"cloister kek rotate --name {kek.Name} --active-in 5m --context FILE")
            : Finding.Error(kek.Name, "no version is active: nothing can be written with it", "enable the last one, or rotate", $"cloister kek list --context FILE"));

    private static async Task<IEnumerable<Finding>> AdminKeyAsync(DoctorScope scope, CancellationToken cancellation)
    {
        string end = (await scope.BrokerAsync()).KeyExpires;
        return [Finding.WarnUnless(end.Length == 0, scope.Settings.Broker!, end.Length == 0 ? "more than a month" : $"it ends at {end}", "make a new one, and have its pin put into the broker's configuration", "cloister admin keygen")];
    }

    private static async Task<string[]> LeasesAsync(DoctorScope scope) =>
        [.. (await scope.EnclavesAsync()).SelectMany(enclave => enclave.Leases).Select(lease => lease.Lease).Where(lease => lease.Length > 0)];
}
