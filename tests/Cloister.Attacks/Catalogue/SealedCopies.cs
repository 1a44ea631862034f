using System.Security.Cryptography;
using Cloister.Attacks.Framework;
using Cloister.Attacks.Grounds;
using Cloister.Conformance.Harness;
using Cloister.Contracts.EnclaveAdmin;
using Google.Protobuf;

namespace Cloister.Attacks.Catalogue;

/// <summary>A sealed copy is taken along, and given to the same enclave on another machine.</summary>
internal sealed class SealedCopyElsewhere() : Attack(
    "sealed-copy-on-another-platform", Attacker.Visitor, "the sealed copy of the KEKs, and the right enclave on a machine of his own", Promise.Protected,
    "it is encrypted with a key of the platform's, which another platform does not have")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        ManualEnclave victim = await ground.AddAsync(ManualEnclave.StartAsync(ground.PathOf("victim"), "any", ground.Stop));
        ImportKekRequest import = new() { Name = "k", Version = 1, Key = ByteString.CopyFrom(RandomNumberGenerator.GetBytes(32)) };
        string keyId = (await victim.Admin.ImportKekAsync(import, cancellationToken: ground.Stop)).KeyId;
        await victim.StopAsync();

        // The same platform, the control: its sealing key is the victim's.
        ManualEnclave same = await PlacedAsync(victim, "same", ground);
        File.Copy(ground.PathOf("victim/sealing.key"), ground.PathOf("same/sealing.key"), overwrite: true);
        await same.RestartAsync(ground.Stop);
        bool opens = (await same.Admin.GetStateAsync(new GetStateRequest(), cancellationToken: ground.Stop)).ActiveKeyId == keyId;

        ManualEnclave other = await PlacedAsync(victim, "other", ground);
        await using ChildProcess started = ChildProcess.Start("other", ground.Folder, Programs.Simulated, "--config", ground.PathOf("other/enclave.yaml"));
        return new Outcome(
            await OpensAsync(other, started, keyId, ground),
            opens ? Trial.Success("where the sealing key is the same it has the KEK") : Trial.Refused("it does not open there either"));
    }

    // An enclave that has run here before, with the victim's copy in place of its own.
    private static async Task<ManualEnclave> PlacedAsync(ManualEnclave victim, string name, Ground ground)
    {
        ManualEnclave enclave = await ground.AddAsync(ManualEnclave.StartAsync(ground.PathOf(name), "any", ground.Stop));
        ImportKekRequest own = new() { Name = "own", Version = 1, Key = ByteString.CopyFrom(RandomNumberGenerator.GetBytes(32)) };
        await enclave.Admin.ImportKekAsync(own, cancellationToken: ground.Stop);
        await enclave.StopAsync();
        File.Copy(victim.SealedCopy, enclave.SealedCopy, overwrite: true);
        return enclave;
    }

    // It may end, or go on without KEKs.
    private static async Task<Trial> OpensAsync(ManualEnclave other, ChildProcess started, string keyId, Ground ground)
    {
        string line = await started.WaitForLineAsync(
            line => line.Contains("sealed", StringComparison.OrdinalIgnoreCase) || line.Contains("does not start", StringComparison.Ordinal), TimeSpan.FromSeconds(60), ground.Stop);
        if (started.HasExited || line.Contains("does not", StringComparison.Ordinal))
        {
            return Trial.Refused(line);
        }

        await started.KillAsync();
        await other.RestartAsync(ground.Stop);
        string active = (await other.Admin.GetStateAsync(new GetStateRequest(), cancellationToken: ground.Stop)).ActiveKeyId;
        return active == keyId ? Trial.Success("it has the KEK") : Trial.Refused($"{line}; it has no such KEK");
    }
}
