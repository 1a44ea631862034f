using System.Text;
using Cloister.Attacks.Framework;
using Cloister.Attacks.Grounds;
using Cloister.Cli.Demo;
using Cloister.Conformance.Harness;

namespace Cloister.Attacks.Catalogue;

/// <summary>Root reads the memory of every process outside the enclave for the KEK.</summary>
internal sealed class KekInMemory() : Attack(
    "kek-in-memory-outside-the-enclave", Attacker.Resident, "the memory of API servers and etcd while Secrets are written and read", Promise.Protected,
    "the KEK is in the enclave's memory only")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        ApiCluster grounds = await ground.SharedApiClusterAsync();
        byte[] kek = await grounds.Cluster.KekAsync();
        (await grounds.Stock.Kubectl.CreateSecretAsync($"{Name}-stock", "any", ground.Stop)).EnsureSuccess();
        (await grounds.Gateway.Kubectl.CreateSecretAsync($"{Name}-gateway", "any", ground.Stop)).EnsureSuccess();
        (string Name, int Id)[] processes =
        [
            ("API server behind the gateway", grounds.Gateway.Server.Id), ("API server with KMS v2", grounds.Stock.Server.Id), ("etcd", grounds.Cluster.Etcd.Id),
        ];
        string[] found = [.. processes.Where(process => ProcessMemory.Has(process.Id, kek)).Select(process => process.Name)];
        return new Outcome(
            found.Length == 0 ? Trial.Refused("not in the memory of two API servers and etcd") : Trial.Success($"found in {string.Join(", ", found)}"),
            ProcessMemory.Has(grounds.Cluster.Enclave.Id, kek)
                ? Trial.Success("the same scan finds it in the simulated enclave, which no TEE protects")
                : Trial.Refused("not found in the enclave either"));
    }
}

/// <summary>A simulated enclave stands for one in a guest whose root is the attacker: a TDX or SEV-SNP guest that also runs the API server.</summary>
internal sealed class KekInASharedGuest() : Attack(
    "kek-in-a-guest-shared-with-the-api-server", Attacker.Resident, "root in the TDX or SEV-SNP guest that runs both the enclave and the API server", Promise.NotProtected,
    "the KEK: root of a guest reads the memory of the guest's processes; SGX and Nitro keep it from him")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.SharedClusterAsync();
        byte[] kek = await cluster.KekAsync();
        return new Outcome(
            ProcessMemory.Has(cluster.Enclave.Id, kek) ? Trial.Success("read out of the enclave process's memory") : Trial.Refused("not found"),
            Contrast: ProcessMemory.Has(cluster.Etcd.Id, kek) ? Trial.Success("found in etcd too") : Trial.Refused("not in another process's memory"));
    }
}

/// <summary>Root reads the seed that opens every Secret out of the API server.</summary>
internal abstract class SeedAttack(string name, Promise promise, string has, string how) : Attack(name, Attacker.Resident, has, promise, how)
{
    private protected static async Task<(Trial Gateway, Trial Stock)> ScanAsync(Ground ground, string name)
    {
        ApiCluster grounds = await ground.SharedApiClusterAsync();
        byte[] kek = await grounds.Cluster.KekAsync();
        (string gateway, string stock) = ($"{name}-gateway", $"{name}-stock");
        (await grounds.Gateway.Kubectl.CreateSecretAsync(gateway, "any", ground.Stop)).EnsureSuccess();
        (await grounds.Stock.Kubectl.CreateSecretAsync(stock, "any", ground.Stop)).EnsureSuccess();
        return (
            await HasSeedAsync(grounds, grounds.Gateway, gateway, kek, ground.Stop),
            await HasSeedAsync(grounds, grounds.Stock, stock, kek, ground.Stop));
    }

    private static async Task<Trial> HasSeedAsync(ApiCluster grounds, (ApiServer Server, Kubectl Kubectl) api, string secret, byte[] kek, CancellationToken stop)
    {
        string key = $"{Cluster.Secrets}default/{secret}";
        StoredSecret stored = StoredSecret.Open(kek, Cluster.Context, key, (await Cluster.ReadAsync(grounds.Cluster.Direct, key, stop))!);
        IReadOnlySet<byte[]> found = ProcessMemory.Found(api.Server.Id, [stored.Seed, stored.Dek]);
        return found.Count > 0 ? Trial.Success("its seed or DEK is in the API server's memory") : Trial.Refused("neither seed nor DEK is in the API server's memory");
    }
}

internal sealed class SeedBehindTheGateway() : SeedAttack(
    "seed-in-api-server-memory-gateway", Promise.Protected, "the memory of an API server behind the gateway", "seeds and DEKs are made in the enclave and stay there")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        (Trial gateway, Trial stock) = await ScanAsync(ground, Name);
        return new Outcome(gateway, stock with { Detail = $"KMS v2: {stock.Detail}" });
    }
}

internal sealed class SeedWithKmsV2() : SeedAttack(
    "seed-in-api-server-memory-kms-v2", Promise.NotProtected, "the memory of an API server with a stock KMS v2 provider",
    "the seed, and with it every Secret that was written under it: the API server makes it itself")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        (Trial gateway, Trial stock) = await ScanAsync(ground, Name);
        return new Outcome(stock, Contrast: gateway with { Detail = $"behind the gateway {gateway.Detail}" });
    }
}

/// <summary>Root reads Secrets out of the API server, which has to have them.</summary>
internal sealed class PlaintextInApiServer() : Attack(
    "secrets-in-api-server-memory", Attacker.Resident, "the memory of an API server behind the gateway", Promise.NotProtected,
    "the Secrets that the API server holds in clear, in its watch cache and on their way")
{
    private const string Password = "SECRETS-IN-API-SERVER-MEMORY-32b";

    public override async Task<Outcome> RunAsync(Ground ground)
    {
        ApiCluster grounds = await ground.SharedApiClusterAsync();
        (await grounds.Gateway.Kubectl.CreateSecretAsync(Name, Password, ground.Stop)).EnsureSuccess();
        byte[] marker = Encoding.ASCII.GetBytes(Password);
        return new Outcome(
            ProcessMemory.Has(grounds.Gateway.Server.Id, marker) ? Trial.Success("found in its memory") : Trial.Refused("not found"),
            Contrast: ProcessMemory.Has(grounds.Cluster.Etcd.Id, marker) ? Trial.Success("in etcd's memory too") : Trial.Refused("not in etcd's memory"));
    }
}
