using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Offline;
using Cloister.Cli.Provision;
using Cloister.Contracts.EnclaveAdmin;
using Cloister.Contracts.Envelope;

namespace Cloister.Cli.Demo;

/// <summary>Runs one scenario in processes of its own and scans their memory for its keys.</summary>
internal static class DemoRun
{
    private const string KekName = "demo";

    internal static async Task<DemoResult> RunAsync(string folder, DemoScenario scenario, DemoBroker broker, int secrets, int latencyMilliseconds, CancellationToken cancellation)
    {
        SimulatedEnclaveFiles files = new(Path.Combine(folder, scenario.Name));
        SimulatedEnclaveOptions options = scenario.Options(latencyMilliseconds);
        options = options.Custody == "manual" ? options with { VendorDirectory = files.Vendor.Folder } : options;
        if (scenario.HasBroker)
        {
            options = broker.WithBroker(options, scenario.Name);
            await broker.AdmitAsync(scenario.Name, release: scenario == DemoScenario.Attested, [(files, options)], options.Measurement, cancellation);
        }

        await using SimulatedEnclave enclave = await SimulatedEnclave.StartAsync(files, options, showLog: false, cancellation);
        byte[]? kek = await ProvisionAsync(enclave, options, scenario, broker, cancellation);
        await using DemoApiServerProcess apiServer = await DemoApiServerProcess.RunAsync(enclave.Files.KmsSocket, secrets, scenario.Kind, cancellation);
        EnclaveState state = await enclave.StateAsync(cancellation);

        // This process knows the keys, since it looks for them; it is the one that is not scanned.
        EnvelopeContext context = new(EnvelopeContext.KmsPurpose, options.Cluster, options.Provider);
        IReadOnlyList<byte[]> deks = kek is null ? DeksInUse(enclave, context, apiServer.Edeks) : Deks(kek, context, apiServer.Edeks, scenario.Kind);
        MemoryScan kekScan = new(kek is null ? [] : [kek]);
        MemoryScan dekScan = new(deks);
        (string Name, int Id)[] host = scenario.HasTee
            ? [(DemoApiServerProcess.Name, apiServer.ProcessId)]
            : [(DemoApiServerProcess.Name, apiServer.ProcessId), ("plugin with software KMS", enclave.ProcessId)];

        // A KEK that stays with the broker is not in the enclave either.
        (string Name, int Id)[] withoutKek = scenario.KeepsKek ? [.. host, ("enclave", enclave.ProcessId)] : host;

        return new DemoResult
        {
            Scenario = scenario,
            Secrets = secrets,
            RemoteCalls = scenario.HasBroker
                ? await broker.CallsAsync(scenario.Name, cancellation)
                : state.Counters.Single(counter => counter.Name == "remote_calls").Value,
            Latencies = apiServer.Report,
            KekFoundIn = [.. withoutKek.Where(process => kekScan.Count(process.Id) > 0).Select(process => process.Name)],
            DekFoundIn = [.. host.Where(process => dekScan.Count(process.Id) > 0).Select(process => process.Name)],
            KekLookedForIn = kek is null ? [] : [.. withoutKek.Select(process => process.Name)],
            DekLookedForIn = [.. host.Select(process => process.Name)],
            FoundWhereTheyLive = (scenario.KeepsKek ? dekScan : kekScan).Count(enclave.ProcessId) > 0,
        };
    }

    private static List<byte[]> Deks(byte[] kek, EnvelopeContext context, IEnumerable<byte[]> edeks, ApiServerKind kind) =>
    [
        .. edeks
            .Select(edek => kind == ApiServerKind.StockV2 ? OfflineEdek.Plaintext(kek, context, edek) : OfflineEdek.Dek(kek, context, edek))
            .DistinctBy(Convert.ToHexString),
    ];

    // The KEK is in a token, where nobody gets it: only the enclave can say what the DEKs are.
    private static List<byte[]> DeksInUse(SimulatedEnclave enclave, EnvelopeContext context, IEnumerable<byte[]> edeks)
    {
        ArenaScan arena = new(enclave.ProcessId);
        return
        [
            .. edeks
                .DistinctBy(edek => Convert.ToHexString(Edek.Parse(edek).WrappedDek))
                .Select(edek => arena.DekOf(context, edek) ?? throw new CliException("a DEK that is in use was not found in the enclave's memory: the scan would prove nothing")),
        ];
    }

    // Null: the KEK is in a token. Custody manual: the operator (this process) has the KEK, and hands it over to an enclave that it has verified. The others: the KEK of the broker, or of the software KMS.
    private static async Task<byte[]?> ProvisionAsync(
        SimulatedEnclave enclave, SimulatedEnclaveOptions options, DemoScenario scenario, DemoBroker broker, CancellationToken cancellation)
    {
        if (scenario.HasBroker)
        {
            await enclave.WaitForKekAsync(cancellation);
            return scenario == DemoScenario.Token ? null : await broker.KekAsync(scenario.Name, cancellation);
        }

        if (!scenario.HasTee)
        {
            JsonNode keys = JsonNode.Parse(await File.ReadAllTextAsync(enclave.Files.SoftwareKmsKeys, cancellation))!;
            await enclave.WaitForKekAsync(cancellation);
            return Convert.FromHexString(keys["keks"]![0]!["key"]!.GetValue<string>());
        }

        byte[] kek = RandomNumberGenerator.GetBytes(32);
        await SimulatedProvisioning.RunAsync(enclave, options, KekName, [.. kek], cancellation);
        return kek;
    }
}
