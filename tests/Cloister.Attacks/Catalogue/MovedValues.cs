using System.Text;
using Cloister.Attacks.Framework;
using Cloister.Attacks.Grounds;

namespace Cloister.Attacks.Catalogue;

/// <summary>The stored value of one Secret is put under the key of another, which its owner may read.</summary>
internal sealed class MovedValue() : Attack(
    "moved-value", Attacker.EtcdWriter, "writes to etcd, and may read Secrets of his own namespace", Promise.Protected,
    "a value is bound to its key: under another one it does not open")
{
    private static readonly byte[] Value = "k8s MOVED-VALUE"u8.ToArray();

    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.SharedClusterAsync();
        (string victim, string mine) = ($"{Cluster.Secrets}{Name}-victim/one", $"{Cluster.Secrets}{Name}-mine/one");
        await Cluster.WriteAsync(cluster.Through, victim, Value, ground.Stop);
        byte[] stored = (await Cluster.ReadAsync(cluster.Direct, victim, ground.Stop))!;
        await cluster.Etcd.PutAsync(mine, stored, ground.Stop);
        Trial attempt = await TryAsync(cluster, mine, ground);

        // The same for a value without encryption, under a prefix that the gateway does not cover.
        await cluster.Etcd.PutAsync($"/{Name}/mine", Value, ground.Stop);
        byte[]? control = await Cluster.ReadAsync(cluster.Direct, $"/{Name}/mine", ground.Stop);
        return new Outcome(attempt, control.AsSpan().SequenceEqual(Value) ? Trial.Success("a value in clear can be read under any key") : Trial.Refused("not read"));
    }

    private static async Task<Trial> TryAsync(Cluster cluster, string key, Ground ground)
    {
        try
        {
            byte[] read = (await Cluster.ReadAsync(cluster.Through, key, ground.Stop))!;
            return read.AsSpan().IndexOf(Value) >= 0 ? Trial.Success("read in clear") : Trial.Refused($"handed out as '{Encoding.ASCII.GetString(read, 0, Math.Min(20, read.Length))}...'");
        }
        catch (Grpc.Core.RpcException e)
        {
            return Trial.Refused(e.Status.Detail);
        }
    }
}

/// <summary>An older value of the same key is put back.</summary>
internal sealed class RolledBackValue() : Attack(
    "older-value-put-back", Attacker.EtcdWriter, "writes to etcd, and kept an older value of the same Secret", Promise.NotProtected,
    "the Secret has its older value again: a value is bound to its key, not to its age")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.SharedClusterAsync();
        string key = $"{Cluster.Secrets}{Name}/one";
        await Cluster.WriteAsync(cluster.Through, key, "old password"u8.ToArray(), ground.Stop);
        byte[] old = (await Cluster.ReadAsync(cluster.Direct, key, ground.Stop))!;
        await Cluster.WriteAsync(cluster.Through, key, "new password"u8.ToArray(), ground.Stop);
        string before = Encoding.UTF8.GetString((await Cluster.ReadAsync(cluster.Through, key, ground.Stop))!);
        await cluster.Etcd.PutAsync(key, old, ground.Stop);
        string after = Encoding.UTF8.GetString((await Cluster.ReadAsync(cluster.Through, key, ground.Stop))!);
        return new Outcome(before == "new password" && after == "old password" ? Trial.Success("the older value is read again") : Trial.Refused($"before {before}, after {after}"));
    }
}
