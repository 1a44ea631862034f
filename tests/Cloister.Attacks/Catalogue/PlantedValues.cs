using System.Text;
using Cloister.Attacks.Framework;
using Cloister.Attacks.Grounds;
using Grpc.Core;

namespace Cloister.Attacks.Catalogue;

/// <summary>A Secret in clear is written to etcd, to be taken for one of the cluster's.</summary>
internal sealed class PlantedPlaintext() : Attack(
    "plaintext-planted", Attacker.EtcdWriter, "writes to etcd", Promise.Protected, "in mode sealed the gateway hands out no plaintext")
{
    private static readonly byte[] Planted = "k8s PLANTED-SECRET"u8.ToArray();

    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.SharedClusterAsync();
        Cluster adopting = await ground.OwnClusterAsync(new ClusterOptions { Mode = "adopt" });
        return new Outcome(await TryAsync(cluster, ground), await TryAsync(adopting, ground) with { Detail = "in mode adopt it is read" });
    }

    private async Task<Trial> TryAsync(Cluster cluster, Ground ground)
    {
        string key = $"{Cluster.Secrets}{Name}/one";
        await cluster.Etcd.PutAsync(key, Planted, ground.Stop);
        try
        {
            byte[] read = (await Cluster.ReadAsync(cluster.Through, key, ground.Stop))!;
            return read.AsSpan().SequenceEqual(Planted) ? Trial.Success("read as planted") : Trial.Refused($"handed out as '{Encoding.UTF8.GetString(read)}'");
        }
        catch (RpcException e)
        {
            return Trial.Refused(e.Status.Detail);
        }
        finally
        {
            await cluster.Etcd.DeleteAsync(key, ground.Stop);
        }
    }
}

/// <summary>One bit of a stored value is changed, in each of its parts.</summary>
internal sealed class ChangedValue() : Attack(
    "changed-value", Attacker.EtcdWriter, "writes to etcd", Promise.Protected, "AES-GCM for the value, XAES-256-GCM for its EDEK: no part may be changed")
{
    private static readonly byte[] Value = "k8s CHANGED-VALUE and much more of it"u8.ToArray();

    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.SharedClusterAsync();
        string key = $"{Cluster.Secrets}{Name}/one";
        await Cluster.WriteAsync(cluster.Through, key, Value, ground.Stop);
        byte[] stored = (await Cluster.ReadAsync(cluster.Direct, key, ground.Stop))!;
        int opened = 0;
        int prefix = "k8s:enc:kms:v2:tee:".Length;
        int tried = 0;
        for (int at = prefix; at < stored.Length; at += 7)
        {
            byte[] changed = [.. stored];
            changed[at] ^= 1;
            await cluster.Etcd.PutAsync(key, changed, ground.Stop);
            opened += await OpensAsync(cluster, key, ground) ? 1 : 0;
            tried++;
        }

        await cluster.Etcd.PutAsync(key, stored, ground.Stop);
        bool unchanged = await OpensAsync(cluster, key, ground);
        return new Outcome(
            opened == 0 ? Trial.Refused($"{tried} places changed, none opens") : Trial.Success($"{opened} of {tried} changed values open"),
            unchanged ? Trial.Success("unchanged it is read") : Trial.Refused("unchanged it is not read"));
    }

    private static async Task<bool> OpensAsync(Cluster cluster, string key, Ground ground)
    {
        try
        {
            return (await Cluster.ReadAsync(cluster.Through, key, ground.Stop)).AsSpan().StartsWith("k8s CHANGED"u8);
        }
        catch (RpcException)
        {
            return false;
        }
    }
}

/// <summary>The EDEK of one value is put into another.</summary>
internal sealed class SwappedBodies() : Attack(
    "body-under-another-prefix", Attacker.EtcdWriter, "writes to etcd", Promise.Protected,
    "a value under another provider's name is not opened with this provider's KEK")
{
    private static readonly byte[] Value = "k8s BODY-UNDER-ANOTHER-PREFIX"u8.ToArray();

    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.SharedClusterAsync();
        string key = $"{Cluster.Secrets}{Name}/one";
        await Cluster.WriteAsync(cluster.Through, key, Value, ground.Stop);
        byte[] stored = (await Cluster.ReadAsync(cluster.Direct, key, ground.Stop))!;
        byte[] other = [.. "k8s:enc:kms:v2:other:"u8, .. stored.AsSpan("k8s:enc:kms:v2:tee:".Length)];
        await cluster.Etcd.PutAsync(key, other, ground.Stop);
        Trial attempt = await ReadAsync(cluster, key, ground);
        await cluster.Etcd.PutAsync(key, stored, ground.Stop);
        return new Outcome(attempt, await ReadAsync(cluster, key, ground) with { Detail = "under its own prefix it is read" });
    }

    private static async Task<Trial> ReadAsync(Cluster cluster, string key, Ground ground)
    {
        try
        {
            byte[] read = (await Cluster.ReadAsync(cluster.Through, key, ground.Stop))!;
            return read.AsSpan().SequenceEqual(Value) ? Trial.Success("read") : Trial.Refused("not opened");
        }
        catch (RpcException e)
        {
            return Trial.Refused(e.Status.Detail);
        }
    }
}
