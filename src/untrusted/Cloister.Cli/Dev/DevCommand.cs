using System.CommandLine;
using Cloister.Cli.Brokers;
using Cloister.Cli.Config;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Etcd;
using Cloister.Cli.Operators;
using Cloister.Cli.Output;
using Cloister.Contracts.EnclaveAdmin;
using Cloister.Contracts.Keys;
using Grpc.Net.Client;

namespace Cloister.Cli.Dev;

/// <summary><c>cloister dev</c>: everything on one machine with the simulated TEE.</summary>
internal static class DevCommand
{
    internal const string KekName = "dev";

    // A broker that ends again so soon, in milliseconds, will not do better the third time.
    private const long ShortLife = 2_000;

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
        Option<string[]> namespaceKeks = new("--namespace-kek")
        {
            Description = "NAMESPACES=KEK, such as payments,team-*=gold: the gateway writes Secrets of these under a KEK of that name; may be repeated. Custody manual and attested, with --etcd",
            DefaultValueFactory = _ => [],
        };
        Option<bool> console = new("--console") { Description = "serve the broker's console for a browser, too: custody attested" };
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("dev", "Run a simulated enclave in the foreground, with a KEK and an EncryptionConfiguration; custody attested: with a broker that releases the KEK. For development: nothing is protected from this machine.")
        {
            folder, custody, provider, cluster, latency, etcd, etcdCa, etcdCertificate, etcdKey, gatewayMode, namespaceKeks, console, output,
        };
        command.Validators.Add(parsed =>
        {
            if (parsed.GetValue(namespaceKeks) is { Length: > 0 } && parsed.GetValue(etcd) is null)
            {
                parsed.AddError("--namespace-kek is for the gateway: it needs --etcd");
            }

            if (parsed.GetValue(console) && parsed.GetValue(custody) != "attested")
            {
                parsed.AddError("--console is the broker's: it needs --custody attested");
            }
        });
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
                NamespaceKeks = new KekRules([.. parsed.GetValue(namespaceKeks)!.Select(NamespaceKek)]),
            },
            parsed.GetValue(console),
            parsed.GetValue(output),
            cancellation));
        return command;
    }

    private static async Task<int> RunAsync(SimulatedEnclaveFiles files, SimulatedEnclaveOptions options, bool console, OutputFormat output, CancellationToken cancellation)
    {
        await using DevelopmentBroker? broker = options.Custody == "attested"
            ? await DevelopmentBroker.StartAsync(new DevelopmentBrokerFiles(Path.Combine(files.Folder, "broker")), new DevelopmentBrokerOptions { ShowLog = true, Console = console }, cancellation)
            : null;
        if (options.Etcd is not null)
        {
            DevelopmentCertificates.Ensure(files.Gateway, broker is null ? null : await broker.Admin.AuthorityCertificateAsync(cancellation));
        }

        if (options.Custody == "manual")
        {
            options = options with { VendorDirectory = files.Vendor.Folder };
        }

        options = broker is null ? options : await AdmitAsync(broker, files, options, cancellation);
        await using SimulatedEnclave enclave = await SimulatedEnclave.StartAsync(files, options, showLog: true, cancellation);
        EnclaveState state = await ProvisionAsync(enclave, options, cancellation);
        await File.WriteAllTextAsync(
            files.EncryptionConfiguration,
            EncryptionConfigurationFile.Text(files.KmsSocket, options.Provider, "v2", ["secrets"], "writers"),
            cancellation);

        if (options.Custody == "manual")
        {
            await File.WriteAllTextAsync(files.AppraisalPolicy, DevelopmentPolicy.AppraisalText(KekName, options.Measurement), cancellation);
        }

        DevAnnouncement.Write(files, options, state, broker, output);
        await WatchAsync(enclave, broker, cancellation);
        return ExitCode.Done;
    }

    // Until it is stopped. A broker that ends is started again, as a service manager would: the enclave goes on meanwhile.
    private static async Task WatchAsync(SimulatedEnclave enclave, DevelopmentBroker? broker, CancellationToken stop)
    {
        long started = Environment.TickCount64;
        for (bool again = false; ; again = true)
        {
            await Task.WhenAny(enclave.Ended, broker?.Ended ?? enclave.Ended, Task.Delay(Timeout.Infinite, stop));
            if (stop.IsCancellationRequested)
            {
                return;
            }

            if (broker is null || enclave.Ended.IsCompleted || (again && Environment.TickCount64 - started < ShortLife))
            {
                throw new CliException($"the {(broker is null || enclave.Ended.IsCompleted ? "simulated enclave" : "broker")} ended by itself; its log is above");
            }

            Console.Error.WriteLine($"the broker at {broker.Url} ended by itself: it is started again");
            started = Environment.TickCount64;
            await broker.RestartAsync(stop);
        }
    }

    // The broker has its last address again unless another program took it; then the configuration is another one, and the policy names that.
    private static async Task<SimulatedEnclaveOptions> AdmitAsync(
        DevelopmentBroker broker, SimulatedEnclaveFiles files, SimulatedEnclaveOptions options, CancellationToken cancellation)
    {
        SimulatedEnclaveOptions attested = options with
        {
            Broker = new BrokerAccess(broker.Url, broker.Pin, KekName),
            VendorDirectory = broker.Files.Vendor.Folder,
        };
        string digest = files.ConfigurationDigest(attested);
        foreach (string kek in attested.NamespaceKeks.Keks.Prepend(KekName).Distinct())
        {
            await broker.AdmitAsync(kek, attested.Cluster, attested.Measurement, [digest], release: true, cancellation);
        }

        return attested;
    }

    // Custody manual: a KEK at the first start. The others: their software KMS or broker has made one; wait until it was asked.
    private static async Task<EnclaveState> ProvisionAsync(SimulatedEnclave enclave, SimulatedEnclaveOptions options, CancellationToken cancellation)
    {
        if (options.Custody == "manual")
        {
            HashSet<string> there = [.. (await enclave.StateAsync(cancellation)).Keks.Select(kek => kek.Name)];
            using GrpcChannel channel = EnclaveChannel.Open(enclave.Files.AdminSocket);
            using OperatorKey key = OperatorKey.Read(enclave.Files.OperatorKey);
            SignedChanges changes = new(new Admin.AdminClient(channel), key);
            foreach (string kek in options.NamespaceKeks.Keks.Except(there))
            {
                await changes.CreateAsync(kek, cancellation);
            }

            if (there.Count == 0)
            {
                await changes.CreateAsync(KekName, cancellation);
            }
        }

        return await enclave.WaitForKekAsync(cancellation);
    }

    private static KekRule NamespaceKek(string text)
    {
        string[] parts = text.Split('=');
        KekRule? rule = parts.Length == 2 ? new KekRule(parts[0].Split(','), parts[1]) : null;
        return rule is not null && rule.Namespaces.All(KekRule.IsNamespacePattern) && KekIdentity.IsValidName(rule.Kek)
            ? rule
            : throw new CliException($"--namespace-kek: NAMESPACES=KEK is expected, such as payments,team-*=gold, not {text}");
    }

    private static string Name(string text, string option) =>
        text.Length is >= 1 and <= 253 && text.All(c => c is > ' ' and <= '~' and not (':' or '"' or '\\'))
            ? text
            : throw new CliException($"{option}: 1 to 253 visible ASCII characters without : \" and \\");
}
