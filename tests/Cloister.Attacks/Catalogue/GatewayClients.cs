using Cloister.Attacks.Framework;
using Cloister.Attacks.Grounds;
using Cloister.Gateway.Tests.Support;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Attacks.Catalogue;

/// <summary>Somebody connects to the gateway as an API server does, without being one.</summary>
internal abstract class GatewayClientAttack(string name, string has, string how) : Attack(name, Attacker.Client, has, Promise.Protected, how)
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.SharedClusterAsync();
        string key = $"{Cluster.Secrets}{Name}/one";
        await Cluster.WriteAsync(cluster.Through, key, "k8s GATEWAY-CLIENT"u8.ToArray(), ground.Stop);
        using RawEtcd stranger = new(Connect(cluster));
        return new Outcome(
            await ReadsAsync(stranger, key, ground),
            await ReadsAsync(cluster.Through, key, ground) with { Detail = "with the API server's certificate the same call reads" });
    }

    protected abstract GrpcChannel Connect(Cluster cluster);

    private static async Task<Trial> ReadsAsync(RawEtcd etcd, string key, Ground ground)
    {
        try
        {
            byte[]? read = await Cluster.ReadAsync(etcd, key, ground.Stop);
            return read is null ? Trial.Refused("nothing read") : Trial.Success("read");
        }
        catch (RpcException e) when (e.StatusCode is StatusCode.Unavailable or StatusCode.Internal or StatusCode.Unauthenticated or StatusCode.PermissionDenied)
        {
            return Trial.Refused("no connection without a good certificate");
        }
    }
}

internal sealed class NoClientCertificate() : GatewayClientAttack(
    "gateway-without-certificate", "the gateway's port", "the gateway takes clients with a certificate of its clientCa only")
{
    protected override GrpcChannel Connect(Cluster cluster) => cluster.Channel(certificate: "");
}

internal sealed class CertificateOfAnotherAuthority() : GatewayClientAttack(
    "gateway-with-certificate-of-another-authority", "the gateway's port, and a certificate of an authority of his own", "the chain has to end at clientCa")
{
    protected override GrpcChannel Connect(Cluster cluster)
    {
        (string certificate, string key) = cluster.StrangersCertificate();
        return cluster.Channel(certificate, key);
    }
}
