using Cloister.Attacks.Framework;
using Cloister.Attacks.Grounds;
using Cloister.Enclave.Tests.Gateway;
using Cloister.Gateway.Tests.Support;
using Grpc.Core;

namespace Cloister.Attacks.Catalogue;

/// <summary>A client of the gateway asks for etcd's other calls: copies of everything, writes without conditions, changes of the cluster.</summary>
internal sealed class OtherEtcdCalls() : Attack(
    "etcd-calls-through-the-gateway", Attacker.Client, "the API server's certificate", Promise.Protected, "only the calls that an API server makes get through; others do not reach etcd")
{
    private static readonly (string Path, byte[] Request)[] Calls =
    [
        ("etcdserverpb.KV/Put", Etcd.Put("/other-etcd-calls", [1])),
        ("etcdserverpb.KV/DeleteRange", Etcd.Nested(1, "/other-etcd-calls"u8.ToArray())),
        ("etcdserverpb.Lease/LeaseLeases", []),
        ("etcdserverpb.Cluster/MemberList", []),
        ("etcdserverpb.Auth/UserList", []),
        ("etcdserverpb.Maintenance/Alarm", []),
        ("etcdserverpb.Maintenance/Hash", []),
    ];

    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.SharedClusterAsync();
        List<string> through = await AnsweredAsync(cluster.Through, ground);
        List<string> direct = await AnsweredAsync(cluster.Direct, ground);
        return new Outcome(
            through.Count == 0 ? Trial.Refused($"{Calls.Length} calls, all UNIMPLEMENTED") : Trial.Success($"answered: {string.Join(", ", through)}"),
            direct.Count == Calls.Length ? Trial.Success("etcd itself answers all of them") : Trial.Refused($"etcd answers {string.Join(", ", direct)} only"));
    }

    private static async Task<List<string>> AnsweredAsync(RawEtcd etcd, Ground ground)
    {
        List<string> answered = [];
        foreach ((string path, byte[] request) in Calls)
        {
            try
            {
                await etcd.CallAsync("/" + path, request, ground.Stop);
                answered.Add(path);
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Unimplemented)
            {
                // Not let through.
            }
            catch (RpcException)
            {
                answered.Add(path); // an error of etcd's
            }
        }

        return answered;
    }
}
