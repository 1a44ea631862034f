using System.Reflection;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cloister.Enclave.Base;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Configuration;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Custody.Values;
using Cloister.Enclave.Gateway.Transport;
using Cloister.Enclave.Keys.Crypto;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Services.Admin;
using Cloister.Enclave.Services.Kms;
using Cloister.Enclave.Services.Secrets;
using Cloister.Enclave.Wire.Grpc;
using Cloister.Sockets;

namespace Cloister.Enclave.Hosting;

/// <summary>The life of an enclave process: read the configuration, wire everything, serve until told to stop, wipe. secrets: none kept here.</summary>
public static class EnclaveProgram
{
    private const int ExitDone = 0;
    private const int ExitUsage = 1;
    private static bool _prepared;

    /// <summary>The sealed copy of the default KEK's lease, in the state directory.</summary>
    public const string SealedLeaseFile = "lease.sealed";

    /// <summary>Version of this program.</summary>
    public static string Version { get; } =
        typeof(EnclaveProgram).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0";

    /// <summary>Runs to the end.</summary>
    /// <param name="args">
    /// <c>--config FILE</c>; with <c>--needs</c> before it, what that configuration needs is printed, and nothing more; with <c>--log-format json</c>, the log is JSON.
    /// </param>
    /// <param name="parts">What the composition root decided.</param>
    /// <returns>Exit code: 0 stopped as told, 1 could not start.</returns>
    public static async Task<int> RunAsync(string[] args, EnclaveParts parts)
    {
        if (args is ["--version"])
        {
            Console.Out.WriteLine($"{parts.Program} {Version}");
            return ExitDone;
        }

        (bool json, string[] rest) = args is ["--log-format", "text" or "json", ..] ? (args[1] == "json", args[2..]) : (false, args);
        bool needs = rest is ["--needs", ..];
        if (rest is not [.., "--config", { Length: > 0 } path] || rest.Length != (needs ? 3 : 2))
        {
            return Refuse(parts.Program, $"usage: {parts.Program} [--log-format text|json] [--needs] --config FILE");
        }

        PrepareProcess();
        try
        {
            EnclaveConfiguration configuration = EnclaveConfigurationReader.Read(ReadFile(path, out byte[] file), parts.ReadMore);
            if (needs)
            {
                Console.Out.Write(EnclaveNeeds.Of(EnclaveNeeds.WithDefaults(configuration, EnclaveNeeds.Small)).ToText());
                return ExitDone;
            }

            configuration = EnclaveNeeds.Fit(configuration, EnclaveRoom.Here());
            string digest = Convert.ToHexStringLower(SHA384.HashData(file));
            string? binding = parts.Tee.CheckConfiguration(file);
            using StopSignal stop = new(parts.Stop);
            await ServeAsync(configuration, digest, binding, parts, json, stop);
            return ExitDone;
        }
        catch (ConfigurationException e)
        {
            return Refuse(parts.Program, $"{path} is not accepted:\n{string.Join('\n', e.Errors.Select(error => $"  {path}:{error}"))}");
        }
        catch (Exception e) when (e is ListenException or SealException or StartException)
        {
            return Refuse(parts.Program, e.Message);
        }
    }

    // Once in a process.
    private static void PrepareProcess()
    {
        if (Interlocked.Exchange(ref _prepared, true))
        {
            return;
        }

        // Certificate stores of the user are looked for below it, and the host may have put something there; without any, .NET's chains fail.
        Environment.SetEnvironmentVariable("HOME", "/nonexistent");
        EnclaveNeeds.BoundThreads();

        // An allocation that fails where nobody thought of it, such as in a timer, ends what wanted it and nothing more.
        ExceptionHandling.SetUnhandledExceptionHandler(static e => e is OutOfMemoryException);
    }

    private static async Task ServeAsync(EnclaveConfiguration configuration, string digest, string? binding, EnclaveParts parts, bool json, StopSignal stop)
    {
        using StandardErrorLogger logger = new(json: json);
        EnclaveLog log = new(logger.Write);
        ITee tee = parts.Tee;
        log.Starting(Version, tee.Name, configuration.Custody, configuration.Context.Cluster, configuration.Context.Provider);
        if (tee.IsSimulated)
        {
            log.Simulated();
        }

        if (binding is not null)
        {
            log.ConfigurationBinding(binding);
        }

        CheckBindings(configuration, tee, log);
        if (configuration.Custody == "manual" && configuration.Operators.IsAny)
        {
            log.AnyOperator();
        }

        if (configuration.Custody == "manual" && configuration.Operators.IsNobody)
        {
            log.NoOperator();
        }

        using SecretArena arena = new(EnclaveNeeds.SecretSlots(configuration));
        string protection = tee.EncryptsMemory ? ProcessHardening.EncryptedMemory : ProcessHardening.Apply(arena, parts.LeaveReadable);
        log.MemoryProtection(protection);

        await using ICustody custody = MakeCustody(configuration, digest, parts, arena, log);
        ManualCustody? manual = custody as ManualCustody;
        KmsEngine engine = new(custody, tee.Name, new CallCounters());
        log.StatusChanged(custody.Status.KeyId ?? "none", custody.Status.Healthz);
        using SeedStore seeds = new(custody, arena, configuration.Gateway?.Seeds ?? SeedOptions.Default, BootTime.Clock, configuration.Gateway?.Keks);
        await using EtcdGateway? gateway = configuration.Gateway is { } gatewayOptions
            ? new EtcdGateway(gatewayOptions, new StockKmsV2Values(seeds, configuration.Context.Provider, gatewayOptions.Mode), custody, log)
            : null;
        EnclaveDescription description = new(
            Version, configuration.Context.Cluster, configuration.Context.Provider, protection, [.. CountersOf(custody as RemoteCustody), .. parts.MoreCounters, .. gateway?.Counters.All ?? []],
            gateway?.Counters.Durations ?? []);

        StockKmsV2Values values = new(seeds, configuration.Context.Provider, PlaintextMode.Sealed);
        await using Timer reseeds = new(_ => KernelRandom.ReseedOpenSsl(), null, TimeSpan.Zero, TimeSpan.FromSeconds(1));
        AdminTickets tickets = new(BootTime.Clock);
        OperatorApproval approval = new(configuration.Context, configuration.Operators, tickets);
        using ProvisioningExchange? exchange = manual is not null && tee.Evidence is { } evidence
            ? new ProvisioningExchange(configuration.Context, digest, evidence, new AttestedKey(), tickets, approval)
            : null;

        // Administration first, KMS last: when the KMS socket answers, everything does.
        using GrpcServer? admin = configuration.Admin is { } adminOptions
            ? GrpcServer.Start(
                "admin",
                adminOptions,
                [.. new AdminService(engine, manual, description, approval, log).Methods, .. new ProvisioningService(custody.Name, manual, exchange, log).Methods],
                tee.Name,
                engine.Counters,
                log)
            : null;
        using GrpcServer? secrets = configuration.Secrets is { } secretsOptions
            ? GrpcServer.Start("secrets", secretsOptions, new SecretsService(engine, configuration.Context, values).Methods, tee.Name, engine.Counters, log)
            : null;
        using GrpcServer? kms = configuration.Kms is not { } kmsOptions ? null : GrpcServer.Start(
            "kms", kmsOptions, [.. new KmsV2Service(engine).Methods, .. new KmsV1Service(engine, Version).Methods], tee.Name, engine.Counters, log);
        await stop.Requested;
        log.Stopped();
    }

    private static IEnumerable<(string Name, Func<long> Value)> CountersOf(RemoteCustody? remote) =>
        remote is null ? [] : [("cached_deks", () => remote.CachedDeks), ("ready_deks", () => remote.ReadyDeks)];

    // What the configuration's measurement does not cover is the host's to swap. In a real TEE that has to be wanted.
    private static void CheckBindings(EnclaveConfiguration configuration, ITee tee, EnclaveLog log)
    {
        foreach ((string field, bool waived) in configuration.Gateway?.Unbound ?? [])
        {
            if (!waived && !tee.IsSimulated)
            {
                throw new StartException(
                    $"{field} names a file, and the host can put its own authorities there: pin it with {field}Pins: [\"sha256:HEX\"], HEX as 'sha256sum FILE' prints it, "
                    + $"write the certificates themselves into {field}, or leave them to the host in so many words with {field}Pins: any");
            }

            log.NotBound(field);
        }
    }

    private static ICustody MakeCustody(EnclaveConfiguration configuration, string digest, EnclaveParts parts, SecretArena arena, EnclaveLog log)
    {
        if (configuration.Custody == "manual")
        {
            SealedKeks? sealedKeks = StateFile(configuration, parts.Tee, "keks.sealed") is ({ } path, { } sealer)
                ? new SealedKeks(path, configuration.Context, sealer, arena)
                : null;
            return new ManualCustody(configuration.Context, arena, sealedKeks, configuration.Gateway?.Keks);
        }

        if (configuration.Custody == "attested")
        {
            return MakeAttested(configuration, digest, parts.Tee, arena, log);
        }

        if (configuration.Custody == "passthrough" && parts.Passthrough is null)
        {
            throw new StartException("custody passthrough is the baseline of measurements, and the TEE protects nothing in it: only cloister-enclave-sim has it; use custody remote");
        }

        IRemoteKms kms = configuration.Broker is not null
            ? new BrokerKms(MakeSession(configuration, configuration.Broker, digest, parts.Tee, new AttestedKey()), arena, BootTime.Clock, log)
            : parts.RemoteKms?.Invoke()
                ?? throw new StartException($"custody {configuration.Custody} needs a remote KMS: name brokers in the configuration, or use custody manual");
        return configuration.Custody == "remote"
            ? new RemoteCustody(configuration.Context, kms, arena, configuration.Remote, log)
            : parts.Passthrough!(configuration.Context, kms, configuration.Remote, log);
    }

    // One key for all leases: brokers see one instance, and a revocation of it is one of all its KEKs.
    private static ICustody MakeAttested(EnclaveConfiguration configuration, string digest, ITee tee, SecretArena arena, EnclaveLog log)
    {
        BrokerOptions broker = configuration.Broker!;
        AttestedKey key = new();
        AttestedCustody Make(BrokerOptions options, string file)
        {
            SealedLease? sealedLease = SealedCopy(configuration, digest, options, tee, file, arena, log);
            return new AttestedCustody(configuration.Context, MakeSession(configuration, options, digest, tee, key), arena, BootTime.Clock, log, sealedLease);
        }

        AttestedCustody custody = Make(broker, SealedLeaseFile);
        return configuration.Gateway?.Keks is { Keks.Count: > 0 } rules
            ? new NamespaceCustody(
                custody,
                rules.Keks.ToDictionary(kek => kek, kek => kek == broker.Kek ? custody : (ICustody)Make(broker with { Kek = kek }, $"lease-{kek}.sealed")))
            : custody;
    }

    private static SealedLease? SealedCopy(
        EnclaveConfiguration configuration, string digest, BrokerOptions broker, ITee tee, string file, SecretArena arena, EnclaveLog log)
    {
        if (configuration.SealsLease)
        {
            return StateFile(configuration, tee, file) is ({ } path, { } sealer)
                ? new SealedLease(path, configuration.Context, digest, broker, sealer, arena, TimeProvider.System)
                : null;
        }

        if (configuration.StateDirectory is { } directory)
        {
            log.LeaseIsNotSealed();
            SealedLease.RemoveFile(Path.Combine(directory, file));
        }

        return null;
    }

    private static BrokerSession MakeSession(EnclaveConfiguration configuration, BrokerOptions broker, string digest, ITee tee, AttestedKey key)
    {
        IEvidenceSource evidence = tee.Evidence
            ?? throw new StartException($"brokers need evidence and TEE {tee.Name} gives none: use custody manual");

        // The gateway's certificate goes with the lease of the default KEK.
        KernelRandom.ReseedOpenSsl();
        ECDsa? servingKey = configuration.Gateway is { CertificatePath: null } && ReferenceEquals(broker, configuration.Broker)
            ? ECDsa.Create(ECCurve.NamedCurves.nistP256)
            : null;
        return new BrokerSession(broker, configuration.Context, digest, evidence, key, new BrokerClient(broker, BootTime.Clock), BootTime.Clock, servingKey);
    }

    private static (string? Path, ISealer? Sealer) StateFile(EnclaveConfiguration configuration, ITee tee, string name)
    {
        if (configuration.StateDirectory is not { } directory)
        {
            return (null, null);
        }

        if (!Directory.Exists(directory))
        {
            throw new StartException($"state.directory {directory} does not exist: make it, owned by the user of this process, mode 0700");
        }

        return tee.Sealer is { } sealer
            ? (Path.Combine(directory, name), sealer)
            : throw new StartException($"TEE {tee.Name} cannot seal state: leave state.directory out; KEKs then have to come again after every start");
    }

    private static string ReadFile(string path, out byte[] file)
    {
        try
        {
            file = File.ReadAllBytes(path);
            using StreamReader reader = new(new MemoryStream(file));
            return reader.ReadToEnd();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartException($"{path} cannot be read: check that it exists and that this user may read it");
        }
    }

    private static int Refuse(string program, string message)
    {
        Console.Error.WriteLine($"{program}: {message}");
        return ExitUsage;
    }

    // SIGTERM, SIGINT and the composition's own token end the process in order, so that keys are wiped and sockets removed.
    private sealed class StopSignal : IDisposable
    {
        private readonly TaskCompletionSource _requested = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly PosixSignalRegistration _terminate;
        private readonly PosixSignalRegistration _interrupt;

        private readonly CancellationTokenRegistration _told;

        internal StopSignal(CancellationToken told)
        {
            _told = told.Register(() => _requested.TrySetResult());
            _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
            _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        }

        internal Task Requested => _requested.Task;

        public void Dispose()
        {
            _told.Dispose();
            _terminate.Dispose();
            _interrupt.Dispose();
        }

        private void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            _requested.TrySetResult();
        }
    }
}
