using Cloister.Conformance.Harness;
using Cloister.EnclaveVm.Tests.Ground;

namespace Cloister.EnclaveVm.Tests.Cases;

/// <summary>The end of the enclave, however it comes, is the end of the machine.</summary>
public sealed class EndTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("memory", "Kernel panic - not syncing: Out of memory")]
    [InlineData("abort", "Kernel panic - not syncing: Attempted to kill init!")]
    public async Task Death_of_the_enclave_ends_the_machine(string fault, string said)
    {
        await using VmNode node = await VmNode.PrepareAsync();
        string configuration = node.PathOf("fault.yaml");
        string honest = await File.ReadAllTextAsync(node.PathOf("enclave.yaml"), Stop);
        await File.WriteAllTextAsync(configuration, honest.Replace("simulation: {", $"simulation: {{ fault: {fault},", StringComparison.Ordinal), Stop);
        ChildProcess machine = node.Start(null, configuration);
        await node.SaysAsync(said);
        await node.SaysAsync("the enclave did not say why");
        await Eventually.HoldsAsync("it ended", TimeSpan.FromSeconds(30), () => Task.FromResult(machine.HasExited), Stop);
        Assert.Equal(1, machine.ExitCode);
    }

    // The image that is shipped: no TEE, no start.
    [Fact]
    public async Task The_real_enclave_does_not_start_without_a_TEE()
    {
        await using VmNode node = await VmNode.PrepareAsync();
        ChildProcess machine = node.Start(VmPrograms.Image);
        await node.SaysAsync("no TEE here");
        await node.SaysAsync("the enclave ended with exit code 1; so does the machine");
        await Eventually.HoldsAsync("it ended", TimeSpan.FromSeconds(30), () => Task.FromResult(machine.HasExited), Stop);
        Assert.Equal(1, machine.ExitCode);
    }
}
