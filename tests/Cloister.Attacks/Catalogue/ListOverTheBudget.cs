using System.Text;
using Cloister.Attacks.Framework;
using Cloister.Attacks.Grounds;
using Cloister.Contracts.Etcd;
using Cloister.Gateway.Tests.Support;
using Google.Protobuf;
using Grpc.Core;

namespace Cloister.Attacks.Catalogue;

/// <summary>A client asks for everything at once, several times over, to have the enclave run out of memory.</summary>
internal sealed class ListOverTheBudget() : Attack(
    "gateway-list-over-the-budget", Attacker.Client, "a certificate of clientCa", Promise.Protected, "messages on their way count against gateway.memoryMiB; the call fails, others go on")
{
    private const int Values = 40;
    private const int Size = 1_000_000;
    private const int Lists = 8;

    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.OwnClusterAsync(new ClusterOptions { GatewayFields = "memoryMiB: 16\nmaxMessageMiB: 64" });
        string prefix = $"{Cluster.Secrets}{Name}/";
        byte[] value = [.. "k8s"u8, .. Encoding.ASCII.GetBytes(new string('x', Size))];
        for (int i = 0; i < Values; i++)
        {
            await Cluster.WriteAsync(cluster.Through, $"{prefix}{i:D3}", value, ground.Stop);
        }

        Trial[] lists = await Task.WhenAll(Enumerable.Range(0, Lists).Select(_ => ListAsync(cluster.Through, prefix, ground)));
        byte[]? one = await Cluster.ReadAsync(cluster.Through, $"{prefix}000", ground.Stop);
        return new Outcome(
            one is null || cluster.Enclave.HasExited ? Trial.Success("the gateway is gone") : Array.Find(lists, list => list.Succeeded) ?? lists[0],
            await ListAsync(cluster.Direct, prefix, ground));
    }

    private static async Task<Trial> ListAsync(RawEtcd etcd, string prefix, Ground ground)
    {
        try
        {
            RangeRequest all = new() { Key = ByteString.CopyFromUtf8(prefix), RangeEnd = ByteString.CopyFromUtf8($"{prefix[..^1]}0") };
            RangeResponse list = await etcd.Kv.RangeAsync(all, cancellationToken: ground.Stop);
            return Trial.Success($"{list.Kvs.Count} values of {Size} bytes in one message");
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.ResourceExhausted)
        {
            return Trial.Refused($"RESOURCE_EXHAUSTED: {e.Status.Detail}");
        }
    }
}
