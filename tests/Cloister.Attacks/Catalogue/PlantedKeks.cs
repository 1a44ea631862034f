using System.Security.Cryptography;
using Cloister.Attacks.Framework;
using Cloister.Attacks.Grounds;
using Cloister.Contracts.EnclaveAdmin;
using Cloister.Contracts.Operators;
using Google.Protobuf;
using Grpc.Core;

namespace Cloister.Attacks.Catalogue;

/// <summary>Somebody who reaches the admin socket of an enclave in custody manual wants a KEK to be used that he knows, or that was used before.</summary>
internal abstract class PlantedKekAttack(string name, Attacker attacker, string has, Promise promise, string how) : Attack(name, attacker, has, promise, how)
{
    /// <summary>An import as it goes over the socket.</summary>
    protected static async Task<ImportKekRequest> ImportAsync(ManualEnclave enclave, ECDsa? key, uint version, byte[] kek, CancellationToken stop)
    {
        ImportKekRequest request = new() { Name = "k", Version = version, Key = ByteString.CopyFrom(kek) };
        if (key is not null)
        {
            ByteString ticket = (await enclave.Admin.GetTicketAsync(new GetTicketRequest { Kek = "k" }, cancellationToken: stop)).Ticket;
            OperatorStatement change = new(OperatorAct.Import, "c1", "tee", ticket.Memory) { Kek = "k", Version = version, Active = true, KeyDigest = SHA256.HashData(kek) };
            request.Operator = new OperatorSignature
            {
                PublicKey = ByteString.CopyFrom(key.ExportSubjectPublicKeyInfo()), Signature = ByteString.CopyFrom(change.Sign(key)), Ticket = ticket,
            };
        }

        return request;
    }

    /// <summary>Sends it; success is that writes use it.</summary>
    protected static async Task<Trial> SendAsync(ManualEnclave enclave, ImportKekRequest request, CancellationToken stop)
    {
        try
        {
            KekInfo kek = await enclave.Admin.ImportKekAsync(request, cancellationToken: stop);
            string active = (await enclave.Admin.GetStateAsync(new GetStateRequest(), cancellationToken: stop)).ActiveKeyId;
            return kek.KeyId == active ? Trial.Success($"{active} is active") : Trial.Refused($"taken, and {active} is active");
        }
        catch (RpcException e)
        {
            return Trial.Refused($"{e.StatusCode}: {e.Status.Detail}");
        }
    }
}

internal sealed class UnsignedKek() : PlantedKekAttack(
    "kek-planted-unsigned", Attacker.Resident, "root, so the admin socket of an enclave in custody manual", Promise.Protected,
    "a KEK is taken only with the signature of an operator whom the measured configuration pins")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] known = RandomNumberGenerator.GetBytes(32);
        ManualEnclave pinned = await ground.AddAsync(ManualEnclave.StartAsync(ground.PathOf("pinned"), ManualEnclave.Pin(key), ground.Stop));
        ManualEnclave waived = await ground.AddAsync(ManualEnclave.StartAsync(ground.PathOf("waived"), "any", ground.Stop));
        return new Outcome(
            await SendAsync(pinned, await ImportAsync(pinned, null, 1, known, ground.Stop), ground.Stop),
            await SendAsync(waived, await ImportAsync(waived, null, 1, known, ground.Stop), ground.Stop) with { Detail = "with operators: any the same message makes it active" });
    }
}

internal sealed class KekSignedByAnother() : PlantedKekAttack(
    "kek-planted-with-own-key", Attacker.Resident, "root, and a key of his own that he signs with", Promise.Protected, "only pinned keys count")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using ECDsa own = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] known = RandomNumberGenerator.GetBytes(32);
        ManualEnclave pinned = await ground.AddAsync(ManualEnclave.StartAsync(ground.PathOf("pinned"), ManualEnclave.Pin(key), ground.Stop));
        ManualEnclave his = await ground.AddAsync(ManualEnclave.StartAsync(ground.PathOf("his"), ManualEnclave.Pin(own), ground.Stop));
        return new Outcome(
            await SendAsync(pinned, await ImportAsync(pinned, own, 1, known, ground.Stop), ground.Stop),
            await SendAsync(his, await ImportAsync(his, own, 1, known, ground.Stop), ground.Stop) with { Detail = "where his key is pinned it is taken" });
    }
}

internal sealed class ReplayedImport() : PlantedKekAttack(
    "kek-import-replayed", Attacker.Resident, "a recorded import of an operator's", Promise.Protected, "what is signed has a ticket that the enclave takes once, within 5 minutes")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        ManualEnclave enclave = await ground.AddAsync(ManualEnclave.StartAsync(ground.PathOf("enclave"), ManualEnclave.Pin(key), ground.Stop));
        ImportKekRequest recorded = await ImportAsync(enclave, key, 1, RandomNumberGenerator.GetBytes(32), ground.Stop);
        Trial first = await SendAsync(enclave, recorded, ground.Stop);

        // Wiped, so that nothing but the signature is in the way.
        ByteString ticket = (await enclave.Admin.GetTicketAsync(new GetTicketRequest(), cancellationToken: ground.Stop)).Ticket;
        OperatorStatement wipe = new(OperatorAct.Wipe, "c1", "tee", ticket.Memory);
        await enclave.Admin.WipeAsync(
            new WipeRequest
            {
                Operator = new OperatorSignature
                {
                    PublicKey = ByteString.CopyFrom(key.ExportSubjectPublicKeyInfo()), Signature = ByteString.CopyFrom(wipe.Sign(key)), Ticket = ticket,
                },
            },
            cancellationToken: ground.Stop);
        return new Outcome(await SendAsync(enclave, recorded, ground.Stop), first with { Detail = "the same message was taken when it was new" });
    }
}

internal sealed class ConstantKek() : PlantedKekAttack(
    "kek-of-zeros", Attacker.Operator, "an operator's key, and a KEK of 32 zeros", Promise.Protected, "keys that nobody drew at random are refused, whoever signs")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        ManualEnclave enclave = await ground.AddAsync(ManualEnclave.StartAsync(ground.PathOf("enclave"), ManualEnclave.Pin(key), ground.Stop));
        return new Outcome(
            await SendAsync(enclave, await ImportAsync(enclave, key, 1, new byte[32], ground.Stop), ground.Stop),
            await SendAsync(enclave, await ImportAsync(enclave, key, 1, RandomNumberGenerator.GetBytes(32), ground.Stop), ground.Stop) with { Detail = "random bytes are taken by the same message" });
    }
}

internal sealed class KeyIdBroughtBack() : PlantedKekAttack(
    "key-id-brought-back", Attacker.Operator, "an operator's key, and the KEK version before", Promise.Protected, "the active version of a name only grows; what was active is kept in the sealed copy")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] old = RandomNumberGenerator.GetBytes(32);
        ManualEnclave enclave = await ground.AddAsync(ManualEnclave.StartAsync(ground.PathOf("enclave"), ManualEnclave.Pin(key), ground.Stop));
        Trial first = await SendAsync(enclave, await ImportAsync(enclave, key, 1, old, ground.Stop), ground.Stop);
        await SendAsync(enclave, await ImportAsync(enclave, key, 2, RandomNumberGenerator.GetBytes(32), ground.Stop), ground.Stop);
        await enclave.RestartAsync(ground.Stop);
        return new Outcome(
            await SendAsync(enclave, await ImportAsync(enclave, key, 1, old, ground.Stop), ground.Stop),
            first with { Detail = "before the rotation the same version was made active" });
    }
}

internal sealed class SealedKeksPutBack() : PlantedKekAttack(
    "sealed-keks-put-back", Attacker.Host, "an older sealed copy of custody manual, and a restart", Promise.NotProtected,
    "KEKs and the active version of then are back: no TEE here has a counter that the host does not own")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] old = RandomNumberGenerator.GetBytes(32);
        ManualEnclave enclave = await ground.AddAsync(ManualEnclave.StartAsync(ground.PathOf("enclave"), ManualEnclave.Pin(key), ground.Stop));
        await SendAsync(enclave, await ImportAsync(enclave, key, 1, old, ground.Stop), ground.Stop);
        string first = await ActiveAsync(enclave, ground.Stop);
        byte[] kept = await File.ReadAllBytesAsync(enclave.SealedCopy, ground.Stop);
        await SendAsync(enclave, await ImportAsync(enclave, key, 2, RandomNumberGenerator.GetBytes(32), ground.Stop), ground.Stop);
        Trial contrast = await SendAsync(enclave, await ImportAsync(enclave, key, 1, old, ground.Stop), ground.Stop);
        await enclave.StopAsync();
        await File.WriteAllBytesAsync(enclave.SealedCopy, kept, ground.Stop);
        await enclave.RestartAsync(ground.Stop);
        string now = await ActiveAsync(enclave, ground.Stop);
        return new Outcome(now == first ? Trial.Success($"{now} is active again") : Trial.Refused($"{now} is active"), Contrast: contrast);
    }

    private static async Task<string> ActiveAsync(ManualEnclave enclave, CancellationToken stop) =>
        (await enclave.Admin.GetStateAsync(new GetStateRequest(), cancellationToken: stop)).ActiveKeyId;
}

internal sealed class DisabledAtTheBroker() : Attack(
    "key-id-brought-back-by-disable", Attacker.Operator, "a key custodian of the broker, who disables the version that writes use", Promise.Protected,
    "without the highest version that writes used there is none: Status is an error until the next one is made")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.OwnClusterAsync(new ClusterOptions { Gateway = false });
        string first = await cluster.Enclave.ReadyAsync();
        await cluster.Admin.RotateAsync("secrets");
        await Conformance.Harness.Eventually.HoldsAsync(
            "writes use the new version", TimeSpan.FromSeconds(60), async () => await StatusAsync(cluster) is { } now && now != first && now != "", ground.Stop, cluster.Enclave.Log);
        await cluster.Admin.DisableAsync("secrets", 2);
        string after = "";
        await Conformance.Harness.Eventually.HoldsAsync(
            "the enclave heard of it", TimeSpan.FromSeconds(60), async () => (after = await StatusAsync(cluster)) == "" || after == first, ground.Stop, cluster.Enclave.Log);
        return new Outcome(
            after == first ? Trial.Success($"{first} is active again") : Trial.Refused("Status is an error, no key_id is active"),
            Trial.Success($"before the rotation {first} was active"));
    }

    private static async Task<string> StatusAsync(Cluster cluster)
    {
        try
        {
            return (await cluster.Enclave.StatusAsync()).KeyId;
        }
        catch (RpcException)
        {
            return "";
        }
    }
}
