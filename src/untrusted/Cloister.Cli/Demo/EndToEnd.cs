using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Cli.Config;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Etcd;
using Cloister.Cli.Offline;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.StoredValues;

namespace Cloister.Cli.Demo;

/// <summary>One Secret's way through real API-server code into real etcd, and what is found of the keys while others are written and read.</summary>
internal sealed record EndToEnd
{
    private const string Provider = "demo";
    private const string SecretName = "demo";
    private const string Password = "correct horse battery staple";

    /// <summary>kubectl got back what it wrote.</summary>
    internal required bool RoundTrip { get; init; }

    /// <summary>The first bytes of what etcd holds.</summary>
    internal required string StoredPrefix { get; init; }

    /// <summary>The Secret's text stands in what etcd holds.</summary>
    internal required bool PlaintextInEtcd { get; init; }

    /// <summary>The stored value opens with the KEK, outside of everything, by the written formats alone.</summary>
    internal required bool OpensWithKek { get; init; }

    internal required IReadOnlyList<string> KekFoundIn { get; init; }

    internal required IReadOnlyList<string> SeedFoundIn { get; init; }

    /// <summary>The scans, each made while Secrets were written and read.</summary>
    internal required IReadOnlyList<LoadedScan> UnderLoad { get; init; }

    internal bool Holds => RoundTrip && OpensWithKek && !PlaintextInEtcd && KekFoundIn.Count == 0
        && UnderLoad.All(scan => scan.SeedFoundIn.Contains(DemoApiServerProcess.Name));

    internal static async Task<EndToEnd> RunAsync(ApiServerHarness harness, string folder, CancellationToken cancellation)
    {
        byte[] kek = RandomNumberGenerator.GetBytes(32);
        SimulatedEnclaveOptions options = new() { Provider = Provider, Cluster = "demo" };
        await using SimulatedEnclave enclave = await SimulatedEnclave.StartAsync(
            new SimulatedEnclaveFiles(Path.Combine(folder, "end-to-end")), options, showLog: false, cancellation);
        await enclave.ImportKekAsync("demo", kek, cancellation);
        await File.WriteAllTextAsync(
            enclave.Files.EncryptionConfiguration,
            EncryptionConfigurationFile.Text(enclave.Files.KmsSocket, Provider, "v2", ["secrets"], "writers"),
            cancellation);
        await using EndToEndCluster cluster = await EndToEndCluster.StartAsync(
            harness, Path.Combine(folder, "cluster"), ["--encryption-provider-config", enclave.Files.EncryptionConfiguration], cancellation);

        bool roundTrip = await cluster.RoundTripAsync(SecretName, Password, cancellation);
        string etcdKey = $"/registry/secrets/default/{SecretName}";
        byte[] stored = await cluster.StoredAsync(etcdKey, cancellation);
        EnvelopeContext context = new(EnvelopeContext.KmsPurpose, "demo", Provider);
        byte[]? plaintext = OfflineStoredValue.Open([kek], context, Encoding.UTF8.GetBytes(etcdKey), stored);
        using EtcdClient etcd = new(EtcdOptions.Create(cluster.EtcdUrl, null, null, null));
        using SecretsApi api = await cluster.SecretsAsync(cancellation);
        ScansUnderLoad scans = new(etcd, kek, context, [(DemoApiServerProcess.Name, cluster.ApiServerId), ("etcd", cluster.EtcdId)]);
        IReadOnlyList<LoadedScan> found = await scans.RunAsync(api, cancellation);
        return new EndToEnd
        {
            RoundTrip = roundTrip,
            StoredPrefix = Encoding.ASCII.GetString(stored, 0, StoredValue.KmsV2PrefixFor(Provider).Length),
            PlaintextInEtcd = stored.AsSpan().IndexOf(Encoding.UTF8.GetBytes(Password)) >= 0,
            OpensWithKek = plaintext.AsSpan().IndexOf(Encoding.UTF8.GetBytes(Password)) >= 0,
            KekFoundIn = [.. found.SelectMany(scan => scan.KekFoundIn).Distinct()],
            SeedFoundIn = [.. found.SelectMany(scan => scan.SeedFoundIn).Distinct()],
            UnderLoad = found,
        };
    }

    internal JsonObject ToJson() => new()
    {
        ["ran"] = true,
        ["held"] = Holds,
        ["roundTrip"] = RoundTrip,
        ["storedPrefix"] = StoredPrefix,
        ["plaintextInEtcd"] = PlaintextInEtcd,
        ["opensWithKek"] = OpensWithKek,
        ["kekFoundIn"] = LoadedScan.Names(KekFoundIn),
        ["seedFoundIn"] = LoadedScan.Names(SeedFoundIn),
        ["scansUnderLoad"] = new JsonArray([.. UnderLoad.Select(scan => scan.ToJson())]),
    };
}
