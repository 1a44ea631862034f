using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Cloister.Cli.Brokers;
using Cloister.Cli.Config;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Etcd;
using Cloister.Cli.Output;
using Cloister.Contracts.EnclaveAdmin;
using Grpc.Net.Client;

namespace Cloister.Cli.Dev;

/// <summary><c>cloister dev</c>: everything on one machine with the simulated TEE.</summary>
internal static class DevCommand
{
    private const string KekName = "dev";

    internal static Command Create()
    {
        Option<string> folder = CliOutput.Path("--dir", "folder for sockets, keys and configuration; made if missing");
        Option<string> custody = new("--custody") { Description = "manual, remote, passthrough or attested", DefaultValueFactory = _ => "manual" };
        custody.AcceptOnlyFromAmong("manual", "remote", "passthrough", "attested");
        Option<string> provider = new("--provider-name") { Description = "name of the encryption provider", DefaultValueFactory = _ => "tee" };
        Option<string> cluster = new("--cluster") { Description = "identity of the cluster, which every EDEK is bound to", DefaultValueFactory = _ => "dev" };
        Option<int> latency = new("--kms-latency-ms") { Description = "what a call of the software KMS takes (custody remote and passthrough)", DefaultValueFactory = _ => 0 };
        CliOutput.Range(latency, 0, 60_000);
        Option<string?> etcd = new("--etcd") { Description = "start the gateway too, in front of this etcd: http://127.0.0.1:PORT, or https:// with the files below" };
        Option<string?> etcdCa = new("--etcd-cacert") { Description = "PEM file of etcd's authorities" };
        Option<string?> etcdCertificate = new("--etcd-cert") { Description = "PEM file of the gateway's certificate for etcd" };
        Option<string?> etcdKey = new("--etcd-key") { Description = "PEM file of its key" };
        Option<string> gatewayMode = new("--gateway-mode") { Description = "what becomes of Secrets that etcd holds in clear: adopt (read) or sealed (refused)", DefaultValueFactory = _ => "adopt" };
        gatewayMode.AcceptOnlyFromAmong("adopt", "sealed");
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("dev", "Run a simulated enclave in the foreground, with a KEK and an EncryptionConfiguration; custody attested: with a broker that releases the KEK. For development: nothing is protected from this machine.")
        {
            folder, custody, provider, cluster, latency, etcd, etcdCa, etcdCertificate, etcdKey, gatewayMode, output,
        };
        command.SetAction((parsed, cancellation) => RunAsync(
            new SimulatedEnclaveFiles(parsed.GetValue(folder)!),
            new SimulatedEnclaveOptions
            {
                Custody = parsed.GetValue(custody)!,
                Provider = Name(parsed.GetValue(provider)!, "--provider-name"),
                Cluster = Name(parsed.GetValue(cluster)!, "--cluster"),
                KmsLatencyMilliseconds = parsed.GetValue(latency),
                Etcd = parsed.GetValue(etcd) is { } endpoints
                    ? EtcdOptions.Create(endpoints, parsed.GetValue(etcdCa), parsed.GetValue(etcdCertificate), parsed.GetValue(etcdKey))
                    : null,
                GatewayMode = parsed.GetValue(gatewayMode)!,
            },
            parsed.GetValue(output),
            cancellation));
        return command;
    }

    private static async Task<int> RunAsync(SimulatedEnclaveFiles files, SimulatedEnclaveOptions options, OutputFormat output, CancellationToken cancellation)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.Cancel();
        }

        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        await using DevelopmentBroker? broker = options.Custody == "attested"
            ? await DevelopmentBroker.StartAsync(new DevelopmentBrokerFiles(Path.Combine(files.Folder, "broker")), showLog: true, stop.Token)
            : null;
        if (options.Etcd is not null)
        {
            DevelopmentCertificates.Ensure(files.Gateway, broker is null ? null : await broker.Admin.AuthorityCertificateAsync(stop.Token));
        }

        options = broker is null ? options : await AdmitAsync(broker, files, options, stop.Token);
        await using SimulatedEnclave enclave = await SimulatedEnclave.StartAsync(files, options, showLog: true, stop.Token);
        EnclaveState state = await ProvisionAsync(enclave, options, stop.Token);
        await File.WriteAllTextAsync(
            files.EncryptionConfiguration,
            EncryptionConfigurationFile.Text(files.KmsSocket, options.Provider, "v2", ["secrets"], identity: true),
            stop.Token);

        Announce(files, options, state, broker, output);
        await Task.WhenAny(enclave.Ended, broker?.Ended ?? enclave.Ended, Task.Delay(Timeout.Infinite, stop.Token));
        if (!stop.IsCancellationRequested)
        {
            throw new CliException($"the {(enclave.Ended.IsCompleted ? "simulated enclave" : "broker")} ended by itself; its log is above");
        }

        return ExitCode.Done;
    }

    // The broker's address is another one at every start, so the configuration is too: the policy names the one of this start.
    private static async Task<SimulatedEnclaveOptions> AdmitAsync(
        DevelopmentBroker broker, SimulatedEnclaveFiles files, SimulatedEnclaveOptions options, CancellationToken cancellation)
    {
        SimulatedEnclaveOptions attested = options with
        {
            Broker = new BrokerAccess(broker.Url, broker.Pin, KekName),
            VendorDirectory = broker.Files.Vendor,
        };
        await broker.AdmitAsync(KekName, attested.Cluster, attested.Measurement, [files.ConfigurationDigest(attested)], release: true, cancellation);
        return attested;
    }

    // Custody manual: a KEK at the first start. The others: their software KMS or broker has made one; wait until it was asked.
    private static async Task<EnclaveState> ProvisionAsync(SimulatedEnclave enclave, SimulatedEnclaveOptions options, CancellationToken cancellation)
    {
        if (options.Custody == "manual" && (await enclave.StateAsync(cancellation)).Keks.Count == 0)
        {
            using GrpcChannel channel = EnclaveChannel.Open(enclave.Files.AdminSocket);
            await new Admin.AdminClient(channel).CreateKekAsync(new CreateKekRequest { Name = KekName }, cancellationToken: cancellation);
        }

        return await enclave.WaitForKekAsync(cancellation);
    }

    private static void Announce(
        SimulatedEnclaveFiles files, SimulatedEnclaveOptions options, EnclaveState state, DevelopmentBroker? broker, OutputFormat output)
    {
        if (output == OutputFormat.Json)
        {
            JsonObject document = new()
            {
                ["kmsSocket"] = files.KmsSocket,
                ["adminSocket"] = files.AdminSocket,
                ["secretsSocket"] = files.SecretsSocket,
                ["encryptionConfiguration"] = files.EncryptionConfiguration,
                ["custody"] = state.Custody,
                ["provider"] = state.Provider,
                ["keyId"] = state.ActiveKeyId,
            };
            if (broker is not null)
            {
                document["broker"] = new JsonObject
                {
                    ["url"] = broker.Url,
                    ["pin"] = broker.Pin,
                    ["admin"] = broker.AdminUrl,
                    ["certificate"] = broker.Files.AdministratorCertificate,
                    ["key"] = broker.Files.AdministratorKey,
                };
            }

            if (options.Etcd is not null)
            {
                document["gateway"] = File.ReadAllText(files.Gateway.Url);
            }

            Console.Out.WriteLine($"ready {document.ToJsonString()}");
        }
        else
        {
            Console.Out.WriteLine($"ready unix://{files.KmsSocket} custody {state.Custody} provider {state.Provider} key_id {state.ActiveKeyId}");
        }

        Console.Out.Flush();
        string keks = broker is null
            ? $"""
              its KEKs:        cloister kek list --socket {files.AdminSocket}
              a new KEK:       cloister kek create --socket {files.AdminSocket} --name {KekName}
            """
            : $"""
              its KEKs:        cloister kek list --socket {files.AdminSocket}
              its broker:      {broker.Url}
                cloister enclaves list {broker.CommandOptions}
                cloister kek list {broker.CommandOptions}
                cloister audit tail {broker.CommandOptions}
            """;
        string gateway = options.Etcd is null ? "" : $"""

              or the gateway:  kube-apiserver ... --etcd-servers-overrides=/secrets#{File.ReadAllText(files.Gateway.Url)} \
                                 --etcd-cafile={files.Gateway.Ca} --etcd-certfile={files.Gateway.ClientCertificate} --etcd-keyfile={files.Gateway.ClientKey}
            """;
        Console.Error.WriteLine($"""

            SIMULATED TEE, for development only. Next:
              an API server:   kube-apiserver ... --encryption-provider-config={files.EncryptionConfiguration}{gateway}
              look at it:      cloister probe --socket {files.KmsSocket}
            {keks}
              stop it:         Ctrl-C

            """);
    }

    private static string Name(string text, string option) =>
        text.Length is >= 1 and <= 253 && text.All(c => c is > ' ' and <= '~' and not (':' or '"' or '\\'))
            ? text
            : throw new CliException($"{option}: 1 to 253 visible ASCII characters without : \" and \\");
}
