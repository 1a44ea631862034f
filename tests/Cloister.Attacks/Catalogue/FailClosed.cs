using Cloister.Attacks.Framework;
using Cloister.Attacks.Grounds;
using Cloister.Conformance.Harness;

namespace Cloister.Attacks.Catalogue;

/// <summary>The enclave is stopped, so that Secrets are written without it.</summary>
internal sealed class GatewayAway() : Attack(
    "gateway-away-secrets-in-clear", Attacker.Host, "the enclave's process, which he stops, and etcd afterwards", Promise.Protected,
    "an API server with the override has no other way for Secrets: a write fails, and none is in etcd in clear")
{
    private const string Password = "GATEWAY-AWAY-PASSWORD";

    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.OwnClusterAsync();
        (_, Kubectl behind) = await cluster.StartApiServerAsync("behind", null, ground.Stop);
        (_, Kubectl plain) = await cluster.StartApiServerAsync("plain", [], ground.Stop);
        await cluster.Enclave.KillAsync();
        CommandResult written = await behind.RunAsync(ground.Stop, "create", "secret", "generic", Name, $"--from-literal=password={Password}", "--request-timeout=8s");
        byte[]? stored = await Cluster.ReadAsync(cluster.Direct, $"{Cluster.Secrets}default/{Name}", ground.Stop);
        (await plain.CreateSecretAsync($"{Name}-plain", Password, ground.Stop)).EnsureSuccess();
        byte[]? clear = await Cluster.ReadAsync(cluster.Direct, $"{Cluster.Secrets}default/{Name}-plain", ground.Stop);
        return new Outcome(
            !written.Succeeded && stored is null ? Trial.Refused("the write failed, and etcd has nothing of it") : Trial.Success($"written: {written.Succeeded}, stored: {stored is not null}"),
            clear.AsSpan().IndexOf(System.Text.Encoding.ASCII.GetBytes(Password)) >= 0
                ? Trial.Success("an API server without the override and without a provider writes the same Secret in clear")
                : Trial.Refused("not in clear"));
    }
}

/// <summary>The release binary is started where there is no TEE.</summary>
internal sealed class NoTee() : Attack(
    "release-binary-without-tee", Attacker.Operator, "a machine without a TEE, and cloister-enclave", Promise.Protected, "it refuses to start: Secrets are not protected by nothing, unnoticed")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        await File.WriteAllTextAsync(ground.PathOf("enclave.yaml"), $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: c1
            provider: tee
            kms: { listen: "unix:{{ground.PathOf("kms.sock")}}" }
            custody: { mode: manual }
            """, ground.Stop);
        CommandResult real = await Command.RunAsync(Programs.Enclave, ["--config", ground.PathOf("enclave.yaml")], ground.Stop, limit: TimeSpan.FromSeconds(30));
        await using ChildProcess simulated = ChildProcess.Start("simulated", ground.Folder, Programs.Simulated, "--config", ground.PathOf("enclave.yaml"));
        await Eventually.HoldsAsync("it listens", TimeSpan.FromSeconds(30), () => Task.FromResult(File.Exists(ground.PathOf("kms.sock"))), ground.Stop, () => simulated.Tail());
        return new Outcome(
            real.ExitCode != 0 ? Trial.Refused(real.Error.Trim().Split('\n')[^1]) : Trial.Success("it started"),
            Trial.Success("the simulated enclave starts on the same configuration, and says that it protects nothing"));
    }
}
