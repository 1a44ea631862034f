using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cloister.AdminApi;
using Cloister.Cli.Brokers;
using Cloister.Cli.Enclaves;
using Cloister.Recovery;
using Cloister.Release;

namespace Cloister.Cli.Demo;

/// <summary>The broker of the demonstrations: what scenarios ask of it. secrets: gives KEKs out, to look for them in memory.</summary>
internal sealed class DemoBroker(DevelopmentBroker broker)
{
    private static readonly string[] Calls = ["lease.granted", "lease.renewed", "wrap", "unwrap"];

    /// <summary>Makes a KEK that enclaves of these files and options get, and that measurement alone.</summary>
    /// <param name="kek">Its name.</param>
    /// <param name="release">False: it stays with the broker.</param>
    /// <param name="enclaves">Their files and options.</param>
    /// <param name="measurement">The measurement that gets it.</param>
    /// <param name="cancellation">Ends the wait.</param>
    internal Task AdmitAsync(
        string kek, bool release, IEnumerable<(SimulatedEnclaveFiles Files, SimulatedEnclaveOptions Options)> enclaves, string measurement, CancellationToken cancellation)
    {
        (SimulatedEnclaveFiles Files, SimulatedEnclaveOptions Options)[] all = [.. enclaves];
        return broker.AdmitAsync(kek, all[0].Options.Cluster, measurement, [.. all.Select(one => one.Files.ConfigurationDigest(one.Options))], release, cancellation);
    }

    /// <summary>The same enclave, with evidence and this broker.</summary>
    internal SimulatedEnclaveOptions WithBroker(SimulatedEnclaveOptions options, string kek) => options with
    {
        Broker = new BrokerAccess(broker.Url, broker.Pin, kek),
        VendorDirectory = broker.Files.Vendor.Folder,
    };

    /// <summary>PEM of the authority that issues the gateway's certificate.</summary>
    internal Task<string> AuthorityCertificateAsync(CancellationToken cancellation) => broker.Admin.AuthorityCertificateAsync(cancellation);

    /// <summary>The KEK itself, as its custodians restore it: from recovery shares.</summary>
    internal async Task<byte[]> KekAsync(string kek, CancellationToken cancellation)
    {
        using ECDiffieHellman one = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        using ECDiffieHellman other = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        ExportKekRequest request = new(2, [one.ExportSubjectPublicKeyInfoPem(), other.ExportSubjectPublicKeyInfoPem()]);
        ExportedKek exported = (await broker.Admin.ExportAsync(kek, 1, request, cancellation)).Done
            ?? throw new CliException("the broker wants a second administrator for an export: a development broker's twoPersons is empty");
        string mine = KeeperKey.Parse(request.Keepers[0]).Pin;
        byte[] key = new byte[32];
        RecoveryShares.Combine([.. exported.Shares.Select(share => RecoveryShare.Parse(SealedShare.Open(share.Share, share.Keeper == mine ? one : other)))], key);
        return key;
    }

    /// <summary>Calls of enclaves for a KEK, as the broker's audit log has them: leases, renewals, wraps and unwraps, a batch counted once.</summary>
    internal async Task<ulong> CallsAsync(string kek, CancellationToken cancellation) =>
        (ulong)(await AuditAsync(cancellation)).Count(entry => Calls.Contains(entry.Kind) && Text(entry.Details, "kek") == kek);

    /// <summary>The steps at which evidence for a KEK was refused, or before its policy was looked at, the oldest first, as the audit log has them.</summary>
    internal async Task<IReadOnlyList<string>> RefusedStepsAsync(string policy, CancellationToken cancellation) =>
    [
        .. (await AuditAsync(cancellation))
            .Where(entry => entry.Kind == "evidence.refused" && (Text(entry.Details, "policy") is var named && (named == policy || named.Length == 0)))
            .Select(entry => Text(entry.Details, "step")),
    ];

    /// <summary>Revokes the enclaves that have a lease for a KEK.</summary>
    internal async Task RevokeEnclavesAsync(string kek, CancellationToken cancellation)
    {
        foreach (string instance in (await broker.Admin.ListEnclavesAsync(null, ended: true, cancellation)).Where(lease => lease.Kek == kek).Select(lease => lease.Instance).Distinct())
        {
            await broker.Admin.RevokeAsync(new RevokeRequest("instance", instance, "demonstration"), cancellation);
        }
    }

    /// <summary>Stops the broker.</summary>
    internal Task StopAsync() => broker.StopAsync();

    private async Task<IReadOnlyList<(string Kind, JsonNode Details)>> AuditAsync(CancellationToken cancellation)
    {
        List<(string, JsonNode)> entries = [];
        await foreach (string line in broker.Admin.ReadAuditAsync(1, cancellation))
        {
            if (JsonNode.Parse(line)!["entry"] is { } entry)
            {
                entries.Add((entry["kind"]!.GetValue<string>(), JsonNode.Parse(entry["details"]!.GetValue<string>())!));
            }
        }

        return entries;
    }

    private static string Text(JsonNode details, string field) => details[field]?.GetValue<string>() ?? "";
}
