using Cloister.Attacks.Framework;
using Cloister.Attacks.Grounds;
using Cloister.Cli.Demo;
using Cloister.Contracts.KmsV2;
using Cloister.Contracts.StoredValues;
using Cloister.Gateway.Tests.Support;
using Google.Protobuf;

namespace Cloister.Attacks.Catalogue;

/// <summary>Root sends an EDEK that he read from etcd to the enclave, as the API server would, and opens the value with what he gets.</summary>
internal sealed class RootAsksTheEnclave() : Attack(
    "root-asks-the-kms-socket", Attacker.Resident, "the KMS socket of the live enclave, and what etcd holds", Promise.NotProtected,
    "every value, one after the other while he is there: he asks for its EDEK as the API server does; he gets no KEK")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.SharedClusterAsync();
        string key = $"{Cluster.Secrets}{Name}/one";
        await Cluster.WriteAsync(cluster.Through, key, "k8s ROOT-ASKS"u8.ToArray(), ground.Stop);
        byte[] value = (await Cluster.ReadAsync(cluster.Direct, key, ground.Stop))!;
        byte[] seed = await cluster.Enclave.DecryptAsync(EdekOf(value));
        byte[] kek = await cluster.KekAsync();
        bool right = seed.AsSpan().SequenceEqual(StoredSecret.Open(kek, Cluster.Context, key, value).Seed);
        return new Outcome(right ? Trial.Success("the enclave answers with the seed of the value") : Trial.Refused("another seed"));
    }

    internal static EncryptResponse EdekOf(byte[] value)
    {
        EncryptedObject body = EncryptedObject.Parse(StoredValue.Parse(value).Body);
        return new EncryptResponse { Ciphertext = ByteString.CopyFrom(body.Edek), KeyId = body.KeyIdText };
    }
}

/// <summary>Root uses the API server's certificate for the gateway.</summary>
internal sealed class RootAsksTheGateway() : Attack(
    "root-asks-the-gateway", Attacker.Resident, "the API server's certificate and key for the gateway", Promise.NotProtected,
    "every Secret: who has the API server's key is the API server for the gateway; without the key he gets no connection")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.SharedClusterAsync();
        string key = $"{Cluster.Secrets}{Name}/one";
        await Cluster.WriteAsync(cluster.Through, key, "k8s ROOT-ASKS"u8.ToArray(), ground.Stop);
        using RawEtcd root = new(cluster.Channel());
        byte[]? read = await Cluster.ReadAsync(root, key, ground.Stop);
        using RawEtcd without = new(cluster.Channel(certificate: ""));
        Trial contrast;
        try
        {
            await Cluster.ReadAsync(without, key, ground.Stop);
            contrast = Trial.Success("read without a certificate");
        }
        catch (Grpc.Core.RpcException)
        {
            contrast = Trial.Refused("no connection without the key");
        }

        return new Outcome(read is not null ? Trial.Success("read") : Trial.Refused("not read"), Contrast: contrast);
    }
}

/// <summary>What a visitor took along from the node does not decrypt elsewhere, when he is gone.</summary>
internal sealed class VisitorTakesFiles() : Attack(
    "files-of-the-node-taken-along", Attacker.Visitor, "every file of the enclave and its configuration, and etcd's values", Promise.Protected,
    "no file of the node holds a KEK, and no credential in them fetches one: a broker answers evidence only")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.SharedClusterAsync();
        byte[] kek = await cluster.KekAsync();
        string copy = ground.PathOf("node");
        (await Conformance.Harness.Command.RunAsync("cp", ["-r", "--no-preserve=mode", cluster.Enclaves.Folder, copy], ground.Stop)).EnsureSuccess();
        string[] found = Directory.GetFiles(copy, "*", SearchOption.AllDirectories).Where(file => !file.EndsWith(".sock", StringComparison.Ordinal) && Holds(file, kek)).ToArray();

        // A node where a KMS has its key in a file: the same search finds it.
        string folder = Directory.CreateDirectory(ground.PathOf("ordinary")).FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "encryption.yaml"), $"aescbc: {{ keys: [ {{ name: k, secret: {Convert.ToBase64String(kek)} }} ] }}", ground.Stop);
        return new Outcome(
            found.Length == 0 ? Trial.Refused("none of them holds the KEK, raw, in hex or in base64") : Trial.Success($"the KEK is in {string.Join(", ", found)}"),
            Directory.GetFiles(folder).Any(file => Holds(file, kek)) ? Trial.Success("an aescbc key in an EncryptionConfiguration is found by the same search") : Trial.Refused("not found"));
    }

    internal static bool Holds(string file, byte[] key)
    {
        byte[] content = File.ReadAllBytes(file);
        return content.AsSpan().IndexOf(key) >= 0
            || content.AsSpan().IndexOf(System.Text.Encoding.ASCII.GetBytes(Convert.ToBase64String(key))) >= 0
            || System.Text.Encoding.Latin1.GetString(content).Contains(Convert.ToHexString(key), StringComparison.OrdinalIgnoreCase);
    }
}

/// <summary>Root ends the enclave, or holds it.</summary>
internal sealed class HeldEnclave() : Attack(
    "enclave-stopped", Attacker.Host, "the enclave's process: he stops it", Promise.NotProtected, "availability: Secrets cannot be read or written until it runs again; nothing is lost")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.OwnClusterAsync();
        string key = $"{Cluster.Secrets}{Name}/one";
        await Cluster.WriteAsync(cluster.Through, key, "k8s STOPPED"u8.ToArray(), ground.Stop);
        await cluster.Enclave.KillAsync();
        Trial attempt;
        try
        {
            await Cluster.ReadAsync(cluster.Through, key, ground.Stop);
            attempt = Trial.Refused("still read");
        }
        catch (Grpc.Core.RpcException)
        {
            attempt = Trial.Success("no Secret is read while it is stopped");
        }

        await cluster.RestartEnclaveAsync();
        await cluster.UntilServingAsync(ground.Stop);
        byte[]? again = await Cluster.ReadAsync(cluster.Through, key, ground.Stop);
        return new Outcome(attempt, Contrast: again is not null ? Trial.Refused("started again, it reads all as before") : Trial.Success("the value is lost"));
    }
}
