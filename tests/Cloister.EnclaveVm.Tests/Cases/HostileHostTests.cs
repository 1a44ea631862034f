using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cloister.Conformance.Harness;
using Cloister.EnclaveVm.Tests.Ground;

namespace Cloister.EnclaveVm.Tests.Cases;

/// <summary>
/// A host that starts something else than the image. With the simulated TEE the machine measures itself, so what is shown is that a change is another measurement and
/// that the broker refuses that; that no host gets around it is a real TEE's to give.
/// </summary>
public sealed class HostileHostTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("command line")]
    [InlineData("initramfs")]
    [InlineData("configuration")]
    public async Task What_is_changed_is_another_measurement_and_gets_no_KEK(string what)
    {
        await using VmNode node = await VmNode.PrepareAsync();
        string image = what switch
        {
            "command line" => Changed(node, commandLine: text => text.Replace("loglevel=3", "loglevel=4", StringComparison.Ordinal)),
            // One more file, which nobody opens.
            "initramfs" => Changed(node, initrd: bytes => [.. bytes, .. new byte[(4 - (bytes.Length % 4)) % 4], .. OneFile(node)]),
            _ => VmPrograms.SimulatedImage,
        };
        string configuration = node.PathOf("enclave.yaml");
        if (what == "configuration")
        {
            configuration = node.PathOf("changed.yaml");
            await File.WriteAllTextAsync(configuration, await File.ReadAllTextAsync(node.PathOf("enclave.yaml"), Stop) + "\n", Stop);
        }

        node.Start(image, configuration);
        await node.SaysAsync("AttestationError enclave: mismatch: mrenclave");
        Assert.Contains(await node.RefusalsAsync(), entry => entry.Details.Contains("\"enclave\"", StringComparison.Ordinal));
        Assert.DoesNotContain("INFORMATION 40 ", node.Console, StringComparison.Ordinal);
    }

    // What the kernel does not know becomes an argument or a variable of the first process: a library to load, a setting of .NET.
    [Fact]
    public async Task Words_for_the_first_process_end_the_machine()
    {
        await using VmNode node = await VmNode.PrepareAsync();
        ChildProcess machine = node.Start(Changed(node, commandLine: text => $"{text} LD_PRELOAD=/etc/cloister/evil.so"));
        await node.SaysAsync("so does the machine");
        Assert.Contains("sets LD_PRELOAD", node.Console, StringComparison.Ordinal);
        await node.SaysAsync("the machine ended");
        await Eventually.HoldsAsync("it ended", TimeSpan.FromSeconds(30), () => Task.FromResult(machine.HasExited), Stop);
        Assert.Equal(1, machine.ExitCode);
    }

    [Fact]
    public async Task A_processor_without_random_numbers_ends_the_machine()
    {
        await using VmNode node = await VmNode.PrepareAsync();
        node.Start(null, null, "--cpu", "max,-rdrand");
        await node.SaysAsync("has no RDRAND");
        await node.SaysAsync("the enclave ended with exit code 1; so does the machine");
    }

    // An image whose manifest agrees with what was changed, as a host would make it.
    private static string Changed(VmNode node, Func<string, string>? commandLine = null, Func<byte[], byte[]>? initrd = null)
    {
        string folder = Directory.CreateDirectory(node.PathOf("image")).FullName;
        foreach (string path in Directory.EnumerateFiles(VmPrograms.SimulatedImage))
        {
            File.Copy(path, Path.Combine(folder, Path.GetFileName(path)));
        }

        JsonNode manifest = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "manifest.json")))!;
        Rewrite("cmdline", bytes => commandLine is null ? bytes : System.Text.Encoding.ASCII.GetBytes(commandLine(System.Text.Encoding.ASCII.GetString(bytes))));
        Rewrite("initrd.img", bytes => initrd is null ? bytes : initrd(bytes));
        File.WriteAllText(Path.Combine(folder, "manifest.json"), manifest.ToJsonString());
        return folder;

        void Rewrite(string name, Func<byte[], byte[]> change)
        {
            byte[] changed = change(File.ReadAllBytes(Path.Combine(folder, name)));
            File.WriteAllBytes(Path.Combine(folder, name), changed);
            manifest[name]!["sha256"] = Convert.ToHexStringLower(SHA256.HashData(changed));
        }
    }

    private static byte[] OneFile(VmNode node)
    {
        File.WriteAllText(node.PathOf("more"), "more");
        File.WriteAllText(node.PathOf("list"), $"file more {node.PathOf("more")} 0644\n");
        CommandResult made = VmPrograms.CliAsync("vm", "archive", "--list", node.PathOf("list"), "--file", node.PathOf("more.cpio")).GetAwaiter().GetResult();
        made.EnsureSuccess();
        return File.ReadAllBytes(node.PathOf("more.cpio"));
    }
}
