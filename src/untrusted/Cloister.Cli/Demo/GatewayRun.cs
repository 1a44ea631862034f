using System.Security.Cryptography;
using Cloister.Cli.Dev;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Etcd;
using Cloister.Cli.Probe;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.StoredValues;

namespace Cloister.Cli.Demo;

/// <summary>
/// The scenario <c>gateway</c>: an unmodified API server that has its Secrets encrypted on their way to etcd, in an enclave that a broker
/// released the KEK to; and what is found of its keys in the memory of API server and etcd while Secrets are written and read.
/// </summary>
internal static class GatewayRun
{
    private const string SecretName = "demo";
    private const string Password = "correct horse battery staple";
    private const string Etcd = "etcd";
    private const int SecretSize = 256;
    private const int WarmUp = 10;

    internal static async Task<(DemoResult Result, SecretTrace Way)> RunAsync(
        ApiServerHarness harness, string folder, DemoBroker broker, int secrets, CancellationToken cancellation)
    {
        DemoScenario scenario = DemoScenario.Gateway;
        SimulatedEnclaveFiles files = new(Path.Combine(folder, scenario.Name));
        await using EndToEndCluster cluster = await EndToEndCluster.StartEtcdAsync(harness, Path.Combine(folder, "gateway-cluster"), cancellation);
        EtcdOptions direct = EtcdOptions.Create(cluster.EtcdUrl, null, null, null);
        SimulatedEnclaveOptions options = broker.WithBroker(scenario.Options(0) with { Etcd = direct, GatewayMode = "sealed" }, scenario.Name);
        DevelopmentCertificates.Ensure(files.Gateway, await broker.AuthorityCertificateAsync(cancellation));
        await broker.AdmitAsync(scenario.Name, release: true, [(files, options)], options.Measurement, cancellation);
        await using SimulatedEnclave enclave = await SimulatedEnclave.StartAsync(files, options, showLog: false, cancellation);
        await enclave.WaitForKekAsync(cancellation);
        string url = await File.ReadAllTextAsync(files.Gateway.Url, cancellation);
        await cluster.StartApiServerAsync(
        [
            "--etcd-servers-overrides", $"/secrets#{url}",
            "--etcd-cafile", files.Gateway.Ca, "--etcd-certfile", files.Gateway.ClientCertificate, "--etcd-keyfile", files.Gateway.ClientKey,
        ], cancellation);

        bool roundTrip = await cluster.RoundTripAsync(SecretName, Password, cancellation);
        (Latencies writes, Latencies reads) = await MeasureAsync(cluster, secrets, cancellation);

        using EtcdClient etcd = new(direct);
        using EtcdClient gateway = new(EtcdOptions.Create(url, files.Gateway.Ca, files.Gateway.ClientCertificate, files.Gateway.ClientKey));
        byte[] kek = await broker.KekAsync(scenario.Name, cancellation);
        EnvelopeContext context = new(EnvelopeContext.KmsPurpose, options.Cluster, options.Provider);
        ScansUnderLoad scans = new(etcd, kek, context, [(DemoApiServerProcess.Name, cluster.ApiServerId), (Etcd, cluster.EtcdId), (ScansUnderLoad.Enclave, enclave.ProcessId)]);
        using SecretsApi api = await cluster.SecretsAsync(cancellation);
        IReadOnlyList<LoadedScan> found = await scans.RunAsync(api, cancellation);
        StoredSecret shown = scans.Stored.Single(secret => secret.Key == $"/registry/secrets/default/{SecretName}");
        SecretTrace way = new()
        {
            Key = shown.Key,
            Sent = shown.Plaintext(kek, context),
            Stored = shown.Value,
            PrefixLength = StoredValue.KmsV2PrefixFor(options.Provider).Length,
            ReadThroughGateway = (await StoredSecret.ListAsync(gateway, cancellation)).Single(one => one.Key == shown.Key).Value,
            RoundTrip = roundTrip,
            Text = Password,
        };

        return (
            new DemoResult
            {
                Scenario = scenario,
                Secrets = secrets,
                RemoteCalls = await broker.CallsAsync(scenario.Name, cancellation),
                Latencies = DemoLatencies.Json(writes, reads),
                KekFoundIn = OnHost(found.SelectMany(scan => scan.KekFoundIn)),
                DekFoundIn = OnHost(found.SelectMany(scan => scan.DekFoundIn)),
                KekLookedForIn = [DemoApiServerProcess.Name, Etcd],
                DekLookedForIn = [DemoApiServerProcess.Name, Etcd],
                FoundWhereTheyLive = found.All(scan => scan.KekFoundIn.Contains(ScansUnderLoad.Enclave) && scan.SeedFoundIn.Contains(ScansUnderLoad.Enclave)),
                UnderLoad = found,
            },
            way);
    }

    private static async Task<(Latencies Writes, Latencies Reads)> MeasureAsync(EndToEndCluster cluster, int secrets, CancellationToken cancellation)
    {
        using SecretsApi api = await cluster.SecretsAsync(cancellation);
        for (int i = 0; i < WarmUp; i++)
        {
            await api.CreateAsync($"warm-up-{i}", [1], cancellation);
            await api.ReadAsync($"warm-up-{i}", cancellation);
        }

        Latencies writes = new();
        Latencies reads = new();
        List<byte[]> values = [.. Enumerable.Range(0, secrets).Select(_ => RandomNumberGenerator.GetBytes(SecretSize))];
        for (int i = 0; i < secrets; i++)
        {
            int index = i;
            await writes.MeasureAsync(() => api.CreateAsync($"secret-{index}", values[index], cancellation));
        }

        for (int i = 0; i < secrets; i++)
        {
            int index = i;
            byte[] read = await reads.MeasureAsync(() => api.ReadAsync($"secret-{index}", cancellation));
            if (!read.AsSpan().SequenceEqual(values[i]))
            {
                throw new CliException($"Secret secret-{i} came back changed");
            }
        }

        return (writes, reads);
    }

    private static IReadOnlyList<string> OnHost(IEnumerable<string> names) => [.. names.Where(name => name != ScansUnderLoad.Enclave).Distinct()];
}
