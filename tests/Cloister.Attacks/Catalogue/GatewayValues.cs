using System.Security.Cryptography;
using System.Text;
using Cloister.Attacks.Framework;
using Cloister.Attacks.Grounds;
using Cloister.Cli.Enclaves;
using Cloister.Contracts.KmsV2;
using Cloister.Contracts.StoredValues;
using Cloister.Gateway.Tests.Support;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Attacks.Catalogue;

/// <summary>A value of another provider is planted, whose key the attacker has: the API server still lists it, behind the gateway.</summary>
internal sealed class PlantedForeignValue() : Attack(
    "value-of-another-provider-planted", Attacker.EtcdWriter, "writes to etcd, and has the API server's old aescbc key", Promise.Protected,
    "in mode sealed the gateway hands out only what its own provider encrypted")
{
    private static readonly byte[] Planted = "k8s:enc:aescbc:v1:key1:PLANTED"u8.ToArray();

    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster adopting = await ground.OwnClusterAsync(new ClusterOptions { Mode = "adopt" });
        return new Outcome(await TryAsync(await ground.SharedClusterAsync(), ground), await TryAsync(adopting, ground));
    }

    private async Task<Trial> TryAsync(Cluster cluster, Ground ground)
    {
        string key = $"{Cluster.Secrets}{Name}/one";
        await cluster.Etcd.PutAsync(key, Planted, ground.Stop);
        byte[] read = (await Cluster.ReadAsync(cluster.Through, key, ground.Stop))!;
        await cluster.Etcd.DeleteAsync(key, ground.Stop);
        return read.AsSpan().SequenceEqual(Planted) ? Trial.Success("handed to the API server, which decrypts it") : Trial.Refused($"handed out as '{Encoding.UTF8.GetString(read)}'");
    }
}

/// <summary>An API server has another prefix than the gateway covers.</summary>
internal sealed class OtherPrefix() : Attack(
    "secrets-under-another-etcd-prefix", Attacker.Operator, "starts the API server with --etcd-prefix=/kubernetes.io and leaves gateway.prefixes as it is", Promise.Protected,
    "the gateway serves covered keys only; gateway.uncovered, the control, names those that may pass in clear")
{
    private const string Key = "/kubernetes.io/secrets/default/one";

    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster open = await ground.OwnClusterAsync(new ClusterOptions { GatewayFields = "uncovered: [/kubernetes.io/]" });
        return new Outcome(await TryAsync(await ground.SharedClusterAsync(), ground), await TryAsync(open, ground));
    }

    private static async Task<Trial> TryAsync(Cluster cluster, Ground ground)
    {
        try
        {
            await Cluster.WriteAsync(cluster.Through, Key, "k8s OTHER-PREFIX"u8.ToArray(), ground.Stop);
        }
        catch (RpcException e)
        {
            return await Cluster.ReadAsync(cluster.Direct, Key, ground.Stop) is null ? Trial.Refused(e.Status.Detail) : Trial.Success("refused, and written all the same");
        }

        return (await Cluster.ReadAsync(cluster.Direct, Key, ground.Stop))!.AsSpan().IndexOf("OTHER-PREFIX"u8) >= 0 ? Trial.Success("in etcd in clear") : Trial.Refused("encrypted");
    }
}

/// <summary>Another certificate of the authority that issues the API server's, such as an etcd member's.</summary>
internal sealed class AnotherClientsName() : Attack(
    "gateway-with-another-clients-certificate", Attacker.Client, "a certificate of clientCa that is not the API server's, such as of an etcd member", Promise.Protected,
    "gateway.tls.clients names who may connect; without it, the control, every certificate of clientCa may")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        // The other one is the server's: its authority gave it both purposes.
        Cluster named = await ground.OwnClusterAsync(new ClusterOptions { TlsFields = ", clients: [client]" });
        return new Outcome(await TryAsync(named, ground), await TryAsync(await ground.SharedClusterAsync(), ground));
    }

    private async Task<Trial> TryAsync(Cluster cluster, Ground ground)
    {
        string key = $"{Cluster.Secrets}{Name}/one";
        await Cluster.WriteAsync(cluster.Through, key, "k8s OTHER-CLIENT"u8.ToArray(), ground.Stop);
        using RawEtcd other = new(cluster.Channel(cluster.Tls.ServerCertificate, cluster.Tls.ServerKey));
        try
        {
            return await Cluster.ReadAsync(other, key, ground.Stop) is null ? Trial.Refused("nothing read") : Trial.Success("read");
        }
        catch (RpcException e) when (e.StatusCode is StatusCode.Unavailable or StatusCode.Internal)
        {
            return Trial.Refused("no connection with that certificate");
        }
    }
}

/// <summary>The stored form is a KMS v2 provider's: who may call the KMS socket gets the gateway's seeds in clear.</summary>
internal sealed class SeedsThroughKms() : Attack(
    "gateway-seeds-through-the-kms-socket", Attacker.Resident, "a copy of etcd, and may call the KMS socket", Promise.NotProtected,
    "the seed of what the gateway wrote is unwrapped, and its values are read outside the enclave: leave the section kms out where no API server uses it")
{
    private static readonly byte[] Value = "k8s SEEDS-THROUGH-KMS"u8.ToArray();

    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.SharedClusterAsync();
        string key = $"{Cluster.Secrets}{Name}/one";
        await Cluster.WriteAsync(cluster.Through, key, Value, ground.Stop);
        byte[] stored = (await Cluster.ReadAsync(cluster.Direct, key, ground.Stop))!;
        (string keyId, byte[] edek) = Wrapped(stored);
        using GrpcChannel channel = EnclaveChannel.Open(cluster.Enclaves.KmsSocket);
        KeyManagementService.KeyManagementServiceClient kms = new(channel);
        DecryptRequest request = new() { Ciphertext = ByteString.CopyFrom(edek), KeyId = keyId, Uid = "attack" };
        byte[] seed = (await kms.DecryptAsync(request, cancellationToken: ground.Stop)).Plaintext.ToByteArray();
        Trial attempt = Opens(stored, key, seed) ? Trial.Success("the seed is unwrapped, the value read") : Trial.Refused("the value does not open");

        // Without the socket there is no seed.
        return new Outcome(attempt, Contrast: Opens(stored, key, new byte[32]) ? Trial.Success("opens without its seed") : Trial.Refused("without the seed it does not open"));
    }

    private static (string KeyId, byte[] Edek) Wrapped(byte[] stored)
    {
        EncryptedObject value = EncryptedObject.Parse(StoredValue.Parse(stored).Body);
        return (value.KeyIdText, value.Edek.ToArray());
    }

    private static bool Opens(byte[] stored, string key, byte[] seed)
    {
        // docs/stored-value.md: info, nonce, ciphertext, tag.
        byte[] data = EncryptedObject.Parse(StoredValue.Parse(stored).Body).Data.ToArray();
        byte[] read = new byte[data.Length - 60];
        using AesGcm cipher = new(HKDF.Expand(HashAlgorithmName.SHA256, seed, 32, data[..32]), 16);
        try
        {
            cipher.Decrypt(data.AsSpan(32, 12), data.AsSpan(44, read.Length), data.AsSpan(^16..), read, Encoding.UTF8.GetBytes(key));
            return read.AsSpan().SequenceEqual(Value);
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
    }
}

/// <summary>What is encrypted already is written through the gateway: by rewrap with the gateway for etcd, or by an API server that encrypts too.</summary>
internal sealed class EncryptedTwice() : Attack(
    "encrypted-twice", Attacker.Operator, "points 'etcd rewrap --include-plaintext' at the gateway, or leaves secrets in the API server's EncryptionConfiguration", Promise.Protected,
    "gateway and secrets service refuse a plaintext that their own provider encrypted")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.SharedClusterAsync();
        string key = $"{Cluster.Secrets}{Name}/one";
        await Cluster.WriteAsync(cluster.Through, key, "k8s ENCRYPTED-TWICE"u8.ToArray(), ground.Stop);
        byte[] own = (await Cluster.ReadAsync(cluster.Direct, key, ground.Stop))!;
        return new Outcome(
            await TryAsync(cluster, key, own, ground),

            // The gateway cannot know what another provider's values are: it encrypts them, and warns.
            await TryAsync(cluster, key + "-other", "k8s:enc:aescbc:v1:key1:x"u8.ToArray(), ground));
    }

    private static async Task<Trial> TryAsync(Cluster cluster, string key, byte[] encrypted, Ground ground)
    {
        try
        {
            await Cluster.WriteAsync(cluster.Through, key, encrypted, ground.Stop);
            return Trial.Success("encrypted twice");
        }
        catch (RpcException e)
        {
            return Trial.Refused(e.Status.Detail);
        }
    }
}

/// <summary>A gateway has to hand out a value under a KEK that another one has and it does not.</summary>
internal sealed class LaggingGateway() : Attack(
    "ciphertext-from-a-lagging-gateway", Attacker.Operator, "two gateways on one etcd, of which one does not have the newest KEK", Promise.Protected,
    "a read of such a value fails, and the KEK is asked for; the control is a value that does not open under a KEK that is here, which is handed out as it is stored")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.SharedClusterAsync();
        Cluster other = await ground.OwnClusterAsync();
        (string key, string moved) = ($"{Cluster.Secrets}{Name}/one", $"{Cluster.Secrets}{Name}/two");
        await Cluster.WriteAsync(other.Through, key, "k8s LAGGING"u8.ToArray(), ground.Stop);
        await cluster.Etcd.PutAsync(key, (await Cluster.ReadAsync(other.Direct, key, ground.Stop))!, ground.Stop);
        Trial attempt = await TryAsync(cluster, key, ground);
        await cluster.Etcd.DeleteAsync(key, ground.Stop);

        await Cluster.WriteAsync(cluster.Through, key, "k8s LAGGING"u8.ToArray(), ground.Stop);
        await cluster.Etcd.PutAsync(moved, (await Cluster.ReadAsync(cluster.Direct, key, ground.Stop))!, ground.Stop);
        Trial control = await TryAsync(cluster, moved, ground);
        await cluster.Etcd.DeleteAsync(moved, ground.Stop);
        return new Outcome(attempt, control);
    }

    private static async Task<Trial> TryAsync(Cluster cluster, string key, Ground ground)
    {
        try
        {
            byte[] read = (await Cluster.ReadAsync(cluster.Through, key, ground.Stop))!;
            return read.AsSpan().StartsWith("k8s:enc:"u8) ? Trial.Success("handed out as it is stored") : Trial.Refused("something else");
        }
        catch (RpcException e)
        {
            return Trial.Refused(e.Status.Detail);
        }
    }
}
