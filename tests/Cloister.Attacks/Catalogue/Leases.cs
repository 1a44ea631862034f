using System.Security.Cryptography;
using Cloister.Attacks.Framework;
using Cloister.Broker.State.Revocations;
using Cloister.Broker.Tests.Failures;
using Cloister.Broker.Tests.Processes;
using Cloister.Contracts.KmsV2;
using Grpc.Core;

namespace Cloister.Attacks.Catalogue;

/// <summary>A broker and an enclave under it, for attacks that hold up, keep or use up its lease.</summary>
internal abstract class LeaseAttack(string name, Attacker attacker, string has, Promise promise, string how) : Attack(name, attacker, has, promise, how)
{
    private const string Measurement = "51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed";

    /// <summary>What is encrypted.</summary>
    protected static byte[] Secret { get; } = RandomNumberGenerator.GetBytes(32);

    /// <summary>Starts a broker with a KEK under a policy.</summary>
    protected static async Task<(BrokerFolder Brokers, EnclaveFolder Enclaves, BrokerProcess Broker, OtherBroker Admin)> StartAsync(Ground ground, string duration, string uses)
    {
        BrokerFolder brokers = ground.Add(new BrokerFolder());
        EnclaveFolder enclaves = ground.Add(new EnclaveFolder(brokers));
        BrokerProcess broker = await ground.AddAsync(brokers.StartAsync());
        OtherBroker admin = await ground.AddAsync(brokers.OpenAsync(broker));
        await admin.MakeKekAsync("secrets", enclaves.Policy(duration).Replace("wraps: 1000000, unwraps: 1000000", uses, StringComparison.Ordinal));
        return (brokers, enclaves, broker, admin);
    }

    /// <summary>Configures an enclave with a folder for state.</summary>
    /// <returns>The folder.</returns>
    protected static string Configure(EnclaveFolder enclaves, BrokerProcess broker, bool sealsLease)
    {
        string state = Directory.CreateDirectory(Path.Combine(enclaves.Folder, "state")).FullName;
        enclaves.Configure(
            broker.Pin, [broker.Url], $"sealingKeyFile: {enclaves.Folder}/sealing.key", $"state: {{ directory: {state}{(sealsLease ? ", sealedLease: survives-revocation" : "")} }}");
        return state;
    }

    protected static Task RevokeAsync(OtherBroker admin) => admin.RevokeAsync(RevocationKind.Measurement, Measurement);

    protected static async Task<bool> DecryptsAsync(EnclaveProcess enclave, EncryptResponse encrypted)
    {
        try
        {
            return (await enclave.DecryptAsync(encrypted)).AsSpan().SequenceEqual(Secret);
        }
        catch (RpcException)
        {
            return false;
        }
    }

    protected static async Task UntilAsync(Ground ground, Func<Task<bool>> condition)
    {
        while (!await condition())
        {
            await Task.Delay(100, ground.Stop);
        }
    }

    protected static async Task<int> RenewalsAsync(OtherBroker admin) => (await admin.AuditAsync()).Count(entry => entry.Kind == "lease.renewed");
}

/// <summary>The host lets something that the enclave writes to hang, and the key owner revokes the enclave.</summary>
internal abstract class HeldUpRevocation(string name, string has, string how) : LeaseAttack(name, Attacker.Host, has, Promise.Protected, how)
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        (_, EnclaveFolder enclaves, BrokerProcess broker, OtherBroker admin) = await StartAsync(ground, "10s", "wraps: 1000000, unwraps: 1000000");
        string state = Configure(enclaves, broker, sealsLease: true);
        BlockedPipe log = ground.Add(new BlockedPipe(Path.Combine(enclaves.Folder, "log")));
        EnclaveProcess enclave = ground.Add(new EnclaveProcess(enclaves, log.Location));
        await enclave.ReadyAsync();
        EncryptResponse encrypted = await enclave.EncryptAsync(Secret);
        await UntilAsync(ground, () => Task.FromResult(File.Exists(Path.Combine(state, "lease.sealed"))));

        HoldUp(ground, enclaves, state, log);
        int renewed = await RenewalsAsync(admin);
        await UntilAsync(ground, async () => await RenewalsAsync(admin) > renewed);
        await Task.Delay(1000, ground.Stop);
        Trial control = await DecryptsAsync(enclave, encrypted)
            ? Trial.Success("held up in the same way and not revoked, it decrypts")
            : Trial.Refused("it decrypts nothing before it is revoked either");

        await RevokeAsync(admin);
        long until = Environment.TickCount64 + 20_000;
        while (await DecryptsAsync(enclave, encrypted))
        {
            if (Environment.TickCount64 > until)
            {
                return new Outcome(Trial.Success("it still decrypts 20 s after it was revoked"), control);
            }

            await Task.Delay(50, ground.Stop);
        }

        return new Outcome(Trial.Refused("it decrypts nothing any more, and nobody has read the pipe"), control);
    }

    protected abstract void HoldUp(Ground ground, EnclaveFolder enclaves, string state, BlockedPipe log);
}

internal sealed class StalledDisk() : HeldUpRevocation(
    "stalled-disk-under-a-revocation", "the files of the enclave: a pipe that nobody reads is in place of the one that it writes",
    "storage is waited for on a thread of its own, and only regular files are opened: a revocation wipes at once")
{
    protected override void HoldUp(Ground ground, EnclaveFolder enclaves, string state, BlockedPipe log) => ground.Add(new BlockedPipe(Path.Combine(state, "lease.sealed.new")));
}

internal sealed class StalledPlatform() : HeldUpRevocation(
    "stalled-platform-under-a-revocation", "the device that gives the sealing key: it does not answer",
    "the platform is waited for on a thread of its own: a revocation wipes at once")
{
    protected override void HoldUp(Ground ground, EnclaveFolder enclaves, string state, BlockedPipe log) => ground.Add(new BlockedPipe(Path.Combine(enclaves.Folder, "sealing.key")));
}

internal sealed class UnreadLog() : HeldUpRevocation(
    "unread-log-under-a-revocation", "the enclave's standard error: a full pipe that nobody reads",
    "the log has a queue and a thread of its own; what does not fit is counted and left out")
{
    protected override void HoldUp(Ground ground, EnclaveFolder enclaves, string state, BlockedPipe log)
    {
        log.Drain();
        log.Fill();
    }
}

/// <summary>The host keeps the files of an enclave, has it revoked, puts them back, and lets no broker answer.</summary>
internal abstract class KeptFiles(string name, Promise promise, string how)
    : LeaseAttack(name, Attacker.Host, "the enclave's files, kept before it was revoked, and the network to the broker", promise, how)
{
    protected static async Task<Trial> TryAsync(Ground ground, bool sealsLease)
    {
        (_, EnclaveFolder enclaves, BrokerProcess broker, OtherBroker admin) = await StartAsync(ground, "1h", "wraps: 1000000, unwraps: 1000000");
        string state = Configure(enclaves, broker, sealsLease);
        string kept = Path.Combine(enclaves.Folder, "kept");
        EncryptResponse encrypted;
        await using (EnclaveProcess enclave = new(enclaves))
        {
            await enclave.ReadyAsync();
            encrypted = await enclave.EncryptAsync(Secret);
            if (sealsLease)
            {
                await UntilAsync(ground, () => Task.FromResult(File.Exists(Path.Combine(state, "lease.sealed"))));
            }

            Directory.CreateDirectory(kept);
            Copy(state, kept);
            await RevokeAsync(admin);
            await enclave.FailsAsync("revoked this enclave");
        }

        await broker.KillAsync();
        Copy(kept, state);
        await using EnclaveProcess again = new(enclaves);
        string problem = "";
        while (!await DecryptsAsync(again, encrypted))
        {
            try
            {
                await again.StatusAsync();
            }
            catch (RpcException e) when (e.Status.Detail.Contains("no broker answers", StringComparison.Ordinal))
            {
                // The copy is looked for at the first attempt that fails; another second is plenty.
                if (problem.Length > 0)
                {
                    return Trial.Refused(problem);
                }

                problem = e.Status.Detail;
                await Task.Delay(3000, ground.Stop);
            }
            catch (RpcException)
            {
                // It does not listen yet.
            }

            await Task.Delay(100, ground.Stop);
        }

        return Trial.Success("it decrypts again from the file that was kept, though it was revoked");
    }

    private static void Copy(string from, string to)
    {
        foreach (string file in Directory.GetFiles(from))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)), overwrite: true);
        }
    }
}

internal sealed class KeptFilesByDefault() : KeptFiles(
    "kept-files-after-a-revocation", Promise.Protected, "no copy of a lease is kept unless the configuration says that it survives a revocation")
{
    public override async Task<Outcome> RunAsync(Ground ground) => new(await TryAsync(ground, sealsLease: false), await TryAsync(ground, sealsLease: true));
}

internal sealed class KeptSealedLease() : KeptFiles(
    "sealed-lease-survives-a-revocation", Promise.NotProtected,
    "with state.sealedLease: survives-revocation, a kept file and a clock set back are a lease again, as long as the host keeps the broker away; KEKs stay in the enclave")
{
    public override async Task<Outcome> RunAsync(Ground ground) => new(await TryAsync(ground, sealsLease: true), Contrast: await TryAsync(ground, sealsLease: false));
}

/// <summary>Somebody who may use the KMS socket uses up what the lease allows of one kind, so that the other fails for everybody.</summary>
internal sealed class WrapsUsedUp() : LeaseAttack(
    "wraps-used-up-to-stop-reads", Attacker.Resident, "the KMS socket, while the broker is away",
    Promise.Protected, "wraps and unwraps are bounded each for itself: without wraps left, reads go on")
{
    public override async Task<Outcome> RunAsync(Ground ground) =>
        new(await TryAsync(ground, unwraps: false), await TryAsync(ground, unwraps: true));

    private static async Task<Trial> TryAsync(Ground ground, bool unwraps)
    {
        (_, EnclaveFolder enclaves, BrokerProcess broker, _) = await StartAsync(ground, "1h", unwraps ? "wraps: 1000, unwraps: 6" : "wraps: 6, unwraps: 1000");
        enclaves.Configure(broker.Pin, [broker.Url]);
        await using EnclaveProcess enclave = new(enclaves);
        await enclave.ReadyAsync();
        await broker.KillAsync();
        EncryptResponse encrypted = await enclave.EncryptAsync(Secret);
        int made = 0;
        try
        {
            for (; made < 20; made++)
            {
                await (unwraps ? enclave.DecryptAsync(encrypted) : (Task)enclave.EncryptAsync(Secret));
            }
        }
        catch (RpcException)
        {
            // Used up.
        }

        return made == 20 ? Trial.Refused("nothing could be used up")
            : await DecryptsAsync(enclave, encrypted) ? Trial.Refused("every wrap is used up, and reads go on")
            : Trial.Success($"{(unwraps ? "every unwrap" : "every wrap")} is used up, and reads fail");
    }
}
