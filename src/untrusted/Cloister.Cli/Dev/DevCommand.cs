using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Cloister.Cli.Config;
using Cloister.Cli.Enclaves;
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
        Option<string> custody = new("--custody") { Description = "manual, remote or passthrough", DefaultValueFactory = _ => "manual" };
        custody.AcceptOnlyFromAmong("manual", "remote", "passthrough");
        Option<string> provider = new("--provider-name") { Description = "name of the encryption provider", DefaultValueFactory = _ => "tee" };
        Option<string> cluster = new("--cluster") { Description = "identity of the cluster, which every EDEK is bound to", DefaultValueFactory = _ => "dev" };
        Option<int> latency = new("--kms-latency-ms") { Description = "what a call of the software KMS takes (custody remote and passthrough)", DefaultValueFactory = _ => 0 };
        CliOutput.Range(latency, 0, 60_000);
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("dev", "Run a simulated enclave in the foreground, with a KEK and an EncryptionConfiguration. For development: nothing is protected from this machine.")
        {
            folder, custody, provider, cluster, latency, output,
        };
        command.SetAction((parsed, cancellation) => RunAsync(
            new SimulatedEnclaveFiles(parsed.GetValue(folder)!),
            new SimulatedEnclaveOptions
            {
                Custody = parsed.GetValue(custody)!,
                Provider = Name(parsed.GetValue(provider)!, "--provider-name"),
                Cluster = Name(parsed.GetValue(cluster)!, "--cluster"),
                KmsLatencyMilliseconds = parsed.GetValue(latency),
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
        await using SimulatedEnclave enclave = await SimulatedEnclave.StartAsync(files, options, showLog: true, stop.Token);
        EnclaveState state = await ProvisionAsync(enclave, options, stop.Token);
        await File.WriteAllTextAsync(
            files.EncryptionConfiguration,
            EncryptionConfigurationFile.Text(files.KmsSocket, options.Provider, "v2", ["secrets"], identity: true),
            stop.Token);

        Announce(files, state, output);
        await Task.WhenAny(enclave.Ended, Task.Delay(Timeout.Infinite, stop.Token));
        if (!stop.IsCancellationRequested)
        {
            throw new CliException("the simulated enclave ended by itself; its log is above");
        }

        return ExitCode.Done;
    }

    // Custody manual: a KEK at the first start. The others: their software KMS has made one; wait until it was asked.
    private static async Task<EnclaveState> ProvisionAsync(SimulatedEnclave enclave, SimulatedEnclaveOptions options, CancellationToken cancellation)
    {
        if (options.Custody == "manual" && (await enclave.StateAsync(cancellation)).Keks.Count == 0)
        {
            using GrpcChannel channel = EnclaveChannel.Open(enclave.Files.AdminSocket);
            await new Admin.AdminClient(channel).CreateKekAsync(new CreateKekRequest { Name = KekName }, cancellationToken: cancellation);
        }

        return await enclave.WaitForKekAsync(cancellation);
    }

    private static void Announce(SimulatedEnclaveFiles files, EnclaveState state, OutputFormat output)
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
            Console.Out.WriteLine($"ready {document.ToJsonString()}");
        }
        else
        {
            Console.Out.WriteLine($"ready unix://{files.KmsSocket} custody {state.Custody} provider {state.Provider} key_id {state.ActiveKeyId}");
        }

        Console.Out.Flush();
        Console.Error.WriteLine($"""

            SIMULATED TEE, for development only. Next:
              an API server:   kube-apiserver ... --encryption-provider-config={files.EncryptionConfiguration}
              look at it:      cloister probe --socket {files.KmsSocket}
              its KEKs:        cloister kek list --socket {files.AdminSocket}
              a new KEK:       cloister kek create --socket {files.AdminSocket} --name {KekName}
              stop it:         Ctrl-C

            """);
    }

    private static string Name(string text, string option) =>
        text.Length is >= 1 and <= 253 && text.All(c => c is > ' ' and <= '~' and not (':' or '"' or '\\'))
            ? text
            : throw new CliException($"{option}: 1 to 253 visible ASCII characters without : \" and \\");
}
