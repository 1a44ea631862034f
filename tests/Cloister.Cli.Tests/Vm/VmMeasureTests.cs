using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cloister.Attestation;
using Cloister.Attestation.Appraise;
using Cloister.Attestation.Policies;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Vm;

/// <summary><c>cloister vm measure</c> and <c>vm eif</c>, on the files and values of docs/vectors/launch-measurement-v1.json.</summary>
public sealed class VmMeasureTests : IDisposable
{
    private static readonly JsonNode Vectors = JsonNode.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "vectors", "launch-measurement-v1.json")))!;

    private readonly ScratchFolder _folder = new();

    public VmMeasureTests()
    {
        Directory.CreateDirectory(_folder["image"]);
        Write("image/vmlinuz", Bytes(Vectors["image"]!["kernel"]));
        Write("image/initrd.img", Bytes(Vectors["image"]!["initrd"]![0]));
        Write("image/cmdline", System.Text.Encoding.ASCII.GetBytes((string)Vectors["image"]!["commandLine"]!));
        Write("more", Bytes(Vectors["image"]!["initrd"]![1]));
        Write("snp.fd", Bytes(Vectors["snp"]!["firmware"]));
        Write("tdx.fd", Bytes(Vectors["tdx"]!["firmware"]![0]!["file"]));
        JsonObject manifest = new() { ["format"] = 1 };
        foreach (string name in (string[])["vmlinuz", "initrd.img", "cmdline"])
        {
            manifest[name] = new JsonObject { ["sha256"] = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(_folder[$"image/{name}"]))) };
        }

        File.WriteAllText(_folder["image/manifest.json"], manifest.ToJsonString());
    }

    private string[] Image => ["--image", _folder["image"], "--initrd-append", _folder["more"]];

    private string[] Snp => ["vm", "measure", "--tee", "snp", "--firmware", _folder["snp.fd"], "--cpu", "EPYC-Milan", .. Image];

    private string[] Tdx => ["vm", "measure", "--tee", "tdx", "--firmware", _folder["tdx.fd"], .. Image];

    private string[] Nitro => ["vm", "measure", "--tee", "nitro", .. Image];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Values_are_those_of_the_vectors_and_what_is_not_computed_is_named()
    {
        JsonNode[] launches = [.. Vectors["snp"]!["launches"]!.AsArray().Where(launch => (bool)launch!["kernel"]!).Select(launch => launch!)];
        Assert.NotEmpty(launches);
        foreach (JsonNode launch in launches)
        {
            CliResult result = (await CliProcess.RunAsync(
            [
                "vm", "measure", "--tee", "snp", "--firmware", _folder["snp.fd"], .. Image, "--vcpus", $"{launch["cpus"]}", "--cpu", (string)launch["cpu"]!, "--vmm", (string)launch["vmm"]!,
                "--guest-features", (string)launch["features"]!, "--output", "json",
            ])).MustSucceed();
            Assert.Equal((string)launch["measurement"]!, (string)result.Json["values"]!["measurement"]!);
        }

        JsonNode tdx = (await CliProcess.RunAsync([.. Tdx, "--output", "json"])).MustSucceed().Json;
        Assert.Equal(
            ((string)Vectors["tdx"]!["firmware"]![0]!["mrtd"]!, (string)Vectors["tdx"]!["rtmr1"]!, (string)Vectors["tdx"]!["rtmr2"]!),
            ((string)tdx["values"]!["mrtd"]!, (string)tdx["values"]!["rtmr1"]!, (string)tdx["values"]!["rtmr2"]!));
        Assert.Equal(["rtmr0"], tdx["notComputed"]!.AsObject().Select(one => one.Key));

        CliResult nitro = (await CliProcess.RunAsync(Nitro)).MustSucceed();
        foreach (string register in (string[])["pcr0", "pcr1", "pcr2"])
        {
            Assert.Contains($"{register} ", nitro.Output, StringComparison.Ordinal);
            Assert.Contains((string)Vectors["nitro"]![register]!, nitro.Output, StringComparison.Ordinal);
        }

        Assert.Contains("pcr3 is not computed", nitro.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_EIF_is_the_same_again_and_has_the_PCRs_of_its_image()
    {
        string[] eif = ["vm", "eif", .. Image, "--output", "json", "--out"];
        JsonNode first = (await CliProcess.RunAsync([.. eif, _folder["a.eif"]])).MustSucceed().Json;
        (await CliProcess.RunAsync([.. eif, _folder["b.eif"]])).MustSucceed();
        Assert.Equal(File.ReadAllBytes(_folder["a.eif"]), File.ReadAllBytes(_folder["b.eif"]));
        Assert.Equal((string)Vectors["nitro"]!["pcr0"]!, (string)first["values"]!["pcr0"]!);
        (await CliProcess.RunAsync([.. eif, _folder["a.eif"], "--cmdline", "other"])).MustBeRefused("is there already");
        Assert.Equal(File.ReadAllBytes(_folder["b.eif"]), File.ReadAllBytes(_folder["a.eif"]));
    }

    [Fact]
    public async Task A_policy_states_what_was_measured_and_is_never_written_over()
    {
        string policy = _folder["policy.yaml"];
        string[] open = ["--any", "minTcb", "--any", "firmware", "--any", "platforms.allow", "--product", "Milan"];
        JsonNode result = (await CliProcess.RunAsync([.. Snp, "--policy", policy, "--name", "vm", .. open, "--output", "json"])).MustSucceed().Json;
        string measured = (string)result["values"]!["measurement"]!;
        Assert.Empty(result["policy"]!["missing"]!.AsArray());
        string text = File.ReadAllText(policy);
        Assert.Empty(Read(text, Tee.Snp).Missing);
        Assert.Contains($"measurement: [\"{measured}\"]", text, StringComparison.Ordinal);

        (await CliProcess.RunAsync([.. Snp, "--policy", policy])).MustBeRefused("is there already");
        Assert.Equal(text, File.ReadAllText(policy));

        // Beside it: the value of two vCPUs, then the sections of the other TEEs; the third time nothing is left to add.
        JsonNode two = (await CliProcess.RunAsync([.. Snp, "--vcpus", "2", "--policy", policy, "--add", "--output", "json"])).MustSucceed().Json;
        string added = File.ReadAllText(policy);
        Assert.Equal(text.Replace($"[\"{measured}\"]", $"[\"{measured}\", \"{(string)two["values"]!["measurement"]!}\"]", StringComparison.Ordinal), added);
        (await CliProcess.RunAsync([.. Tdx, "--policy", policy, "--add", "--rtmr0", new string('a', 96)])).MustSucceed();
        (await CliProcess.RunAsync([.. Nitro, "--policy", policy, "--add"])).MustSucceed();
        string all = File.ReadAllText(policy);
        Assert.EndsWith(added[added.IndexOf("  snp:", StringComparison.Ordinal)..], all, StringComparison.Ordinal);
        Assert.Equal([Tee.Nitro, Tee.Snp, Tee.Tdx], AppraisalPolicyReader.Read(all).Policy!.Sections.Select(section => section.Tee).OrderBy(tee => $"{tee}"));
        (await CliProcess.RunAsync([.. Snp, "--policy", policy, "--add"])).MustSucceed();
        (await CliProcess.RunAsync([.. Nitro, "--policy", policy, "--add"])).MustSucceed();
        Assert.Equal(all, File.ReadAllText(policy));
        (await CliProcess.RunAsync([.. Nitro, "--cmdline", "x", "--policy", policy, "--add"])).MustSucceed();
        string other = File.ReadAllText(policy);
        Assert.Equal(all.Split('\n').Length, other.Split('\n').Length);
        Assert.Equal(["0", "1"], other.Split('\n').Except(all.Split('\n')).Select(line => line.Trim()[..1]));
        Assert.Equal(["pcr3", "pcr4"], Read(other, Tee.Nitro).Missing.Order());
    }

    [Fact]
    public async Task What_people_wrote_around_the_values_stays()
    {
        const string Value = "bc7087ae9ab7854861979af326fc0d3a61ab2635972dec8669edc84e3d1d9ee04c944d0e02d2fe7b4bf3abb918aefabd";
        string policy = _folder["policy.yaml"];
        const string Name = "{ name: ours }";
        string text = $"""
            # ours
            apiVersion: cloister.dev/v1alpha1
            kind: AppraisalPolicy
            metadata: {Name}
            spec:
              tdx:   # production
                mrtd:
                  - {Value}   # the old firmware
                rtmr1: {Value}  # kernel
                rtmr2: any
                debug: refuse

            """;
        await File.WriteAllTextAsync(policy, text, TestContext.Current.CancellationToken);
        File.SetUnixFileMode(policy, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        JsonNode values = (await CliProcess.RunAsync([.. Tdx, "--policy", policy, "--add", "--output", "json"])).MustSucceed().Json["values"]!;
        Assert.Equal(
            text.Replace("the old firmware\n", $"the old firmware\n      - \"{(string)values["mrtd"]!}\"\n", StringComparison.Ordinal).Replace($"rtmr1: {Value}", $"rtmr1: [{Value}, \"{(string)values["rtmr1"]!}\"]", StringComparison.Ordinal),
            File.ReadAllText(policy));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead, File.GetUnixFileMode(policy));
        Assert.False(File.Exists(policy + ".new"));
    }

    [Theory]
    [InlineData("apiVersion: cloister.dev/v1alpha1\nkind: AppraisalPolicy\nmetadata: { name: a }\nspec: { tdx: { debug: refuse } }\n", "in one line")]
    [InlineData("apiVersion: cloister.dev/v1alpha1\nkind: AppraisalPolicy\nmetadata: { name: a }\nspec:\n  snp:\n    debug: refuse\n    nothing: 1\n", "unknown")]
    [InlineData("kind: ReleasePolicy\n", "is no AppraisalPolicy")]
    [InlineData("", "is no AppraisalPolicy")]
    public async Task A_policy_that_cannot_be_added_to_stays_as_it_is(string text, string because)
    {
        string policy = _folder["policy.yaml"];
        await File.WriteAllTextAsync(policy, text, TestContext.Current.CancellationToken);
        (await CliProcess.RunAsync([.. Tdx, "--policy", policy, "--add"])).MustBeRefused(because);
        Assert.Equal(text, File.ReadAllText(policy));
    }

    [Fact]
    public async Task What_cannot_be_measured_is_refused_in_one_line()
    {
        (await CliProcess.RunAsync("vm", "measure", "--tee", "snp", "--image", _folder["image"])).MustBeRefused("needs --firmware");
        (await CliProcess.RunAsync([.. Nitro, "--firmware", _folder["snp.fd"]])).MustBeRefused("says nothing about --tee nitro");
        (await CliProcess.RunAsync([.. Tdx, "--vcpus", "1"])).MustBeRefused("says nothing about --tee tdx");
        (await CliProcess.RunAsync([.. Snp, "--any", "minTcb"])).MustBeRefused("is for --policy");
        (await CliProcess.RunAsync([.. Snp, "--vcpus", "0"])).MustBeRefused("vCPUs");
        (await CliProcess.RunAsync([.. Snp, "--guest-features", "33"])).MustBeRefused("hexadecimal");
        (await CliProcess.RunAsync("vm", "measure", "--tee", "snp", "--firmware", _folder["snp.fd"], "--image", _folder["image"], "--cpu", "host")).MustBeRefused("EPYC-Milan");
        (await CliProcess.RunAsync("vm", "measure", "--tee", "snp", "--firmware", _folder["tdx.fd"], "--image", _folder["image"])).MustBeRefused("no SEV metadata");
        (await CliProcess.RunAsync("vm", "measure", "--tee", "snp", "--firmware", "/dev/zero", "--image", _folder["image"])).MustBeRefused("has more than");
        (await CliProcess.RunAsync("vm", "measure", "--tee", "nitro", "--kernel", "/dev/null", "--initrd", _folder["more"], "--cmdline", "x")).MustBeRefused("kernel: is empty");
        (await CliProcess.RunAsync("vm", "measure", "--tee", "nitro", "--kernel", _folder["more"])).MustBeRefused("is needed");

        // A file of another build.
        Write("image/cmdline", "other"u8.ToArray());
        (await CliProcess.RunAsync(Nitro)).MustBeRefused("is not what manifest.json beside it says");
        File.WriteAllText(_folder["image/manifest.json"], "[1]");
        (await CliProcess.RunAsync(Nitro)).MustBeRefused("is no manifest");
    }

    private static PolicySection Read(string text, Tee tee)
    {
        PolicyReadResult read = AppraisalPolicyReader.Read(text);
        Assert.True(read.IsValid, string.Join('\n', read.Errors));
        return read.Policy.Sections.Single(section => section.Tee == tee);
    }

    private static byte[] Bytes(JsonNode? base64) => Convert.FromBase64String((string)base64!);

    private void Write(string name, byte[] bytes) => File.WriteAllBytes(_folder[name], bytes);
}
