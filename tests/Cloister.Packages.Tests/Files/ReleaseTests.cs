using System.Text.Json.Nodes;
using Cloister.Cli.Tests.Harness;
using Cloister.Packages.Tests.Machines;

namespace Cloister.Packages.Tests.Files;

/// <summary>What is released: bill of materials, digests, signature, and when there is no release.</summary>
public sealed class ReleaseTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_bill_of_materials_has_every_NuGet_package_of_the_programs_and_the_digests_every_file()
    {
        Built.SkipUnlessThere();
        JsonNode bill = JsonNode.Parse(await File.ReadAllTextAsync($"{Built.Packages}/cloister_{Built.Version}.cdx.json", TestContext.Current.CancellationToken))!;
        Assert.Equal("CycloneDX", (string?)bill["bomFormat"]);
        Assert.Equal("1.5", (string?)bill["specVersion"]);
        Assert.Matches("^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", (string?)bill["serialNumber"]);
        JsonObject[] components = [.. bill["components"]!.AsArray().Select(component => component!.AsObject())];
        string[] names = [.. components.Select(component => (string)component["purl"]!)];
        Assert.Equal(names.Length, names.Distinct().Count());
        Assert.All(components, component => Assert.True(component["name"] is not null && component["version"] is not null && component["type"] is not null, component.ToJsonString()));
        foreach (string program in (string[])["cloister", "cloister-broker"])
        {
            JsonObject libraries = JsonNode.Parse(await File.ReadAllTextAsync(Shell.InRepository("artifacts", "publish", $"{program}.deps.json"), TestContext.Current.CancellationToken))!["libraries"]!.AsObject();
            string[] packages = [.. libraries.Where(library => (string)library.Value!["type"]! == "package").Select(library => $"pkg:nuget/{library.Key.Replace('/', '@')}")];
            Assert.True(packages.Length > 5, program);
            Assert.All(packages, package => Assert.Contains(package, names));
        }

        Assert.Contains(names, name => name.StartsWith("pkg:nuget/Microsoft.NETCore.App.Runtime.linux-x64@10.0.", StringComparison.Ordinal));
        Assert.Contains(names, name => name.StartsWith("pkg:deb/debian/libssl3@", StringComparison.Ordinal));
        string sums = (await Shell.BashAsync($"cd '{Built.Packages}'; sha256sum --check --strict SHA256SUMS")).MustSucceed();
        Assert.Equal(4 + 4 + 3 + 1 + 2, sums.Split('\n').Length);
    }

    [Theory]
    [InlineData("ed25519", "")]
    [InlineData("EC", "-pkeyopt ec_paramgen_curve:P-256")]
    [InlineData("RSA", "-pkeyopt rsa_keygen_bits:3072")]
    public async Task A_key_from_outside_signs_the_digests(string algorithm, string options)
    {
        await RepositoryAsync();
        (await Shell.BashAsync($"openssl genpkey -quiet -algorithm {algorithm} {options} -out '{_folder["key.pem"]}' 2>/dev/null || openssl genpkey -algorithm {algorithm} {options} -out '{_folder["key.pem"]}'")).MustSucceed();
        Assert.Contains("SHA256SUMS.sig, by the key sha256:", await ReleaseAsync("1.2.3", $"SIGNING_KEY='{_folder["key.pem"]}'"), StringComparison.Ordinal);

        // As somebody who has the public key verifies it.
        string verify = $"cd '{_folder["out"]}'; openssl pkey -in '{_folder["key.pem"]}' -pubout -out ../public.pem; "
            + (algorithm == "ed25519" ? "openssl pkeyutl -verify -pubin -inkey ../public.pem -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig" : "openssl dgst -sha256 -verify ../public.pem -signature SHA256SUMS.sig SHA256SUMS");
        (await Shell.BashAsync(verify)).MustSucceed();
        await File.AppendAllTextAsync(_folder["out/SHA256SUMS"], "x", TestContext.Current.CancellationToken);
        Assert.NotEqual(0, (await Shell.BashAsync(verify)).ExitCode);
    }

    [Fact]
    public async Task Without_a_key_nothing_is_signed_and_it_says_so()
    {
        await RepositoryAsync();
        Assert.Contains("is not signed: SIGNING_KEY=PEM", await ReleaseAsync("1.2.3"), StringComparison.Ordinal);
        Assert.False(File.Exists(_folder["out/SHA256SUMS.sig"]));
    }

    [Theory]
    [InlineData("", "true", "", "which one?")]
    [InlineData("1.2.4", "true", "", "the source is version 1.2.3, not 1.2.4")]
    [InlineData("1.2.3", "echo '# none' >CHANGELOG.md; git commit -qam x", "", "CHANGELOG.md has no section '## 1.2.3'")]
    [InlineData("1.2.3", "echo x >new", "", "changes that are in no commit")]
    [InlineData("1.2.3", "true", "SIGNING_KEY=/etc/passwd", "is no private key in PEM")]
    [InlineData("1.2.3", "true", "SIGNING_KEY=/nonexistent", "is no private key in PEM")]
    public async Task There_is_no_release_of_what_nobody_could_find_again(string version, string change, string environment, string because)
    {
        await RepositoryAsync();
        (await Shell.BashAsync($"cd '{_folder["repository"]}'; {change}")).MustSucceed();
        Said said = await Shell.BashAsync($"{environment} '{_folder["repository/eng/release"]}' '{version}' published '{_folder["out"]}'");
        Assert.Equal(1, said.ExitCode);
        Assert.Contains(because, said.Errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["out"]));
    }

    private async Task<string> ReleaseAsync(string version, string environment = "") =>
        (await Shell.BashAsync($"{environment} '{_folder["repository/eng/release"]}' '{version}' published '{_folder["out"]}'")).MustSucceed();

    // The script in a repository whose programs and packages are made in no time: what they are is the other tests' subject.
    private async Task RepositoryAsync() => (await Shell.BashAsync($"""
        mkdir -p '{_folder["repository/eng"]}'; cd '{_folder["repository"]}'; git init -q
        cp '{Shell.InRepository("eng", "release")}' eng/
        printf '#!/bin/sh\n' >eng/publish
        printf '#!/bin/sh\nmkdir -p "$2"; echo 00 file >"$2/SHA256SUMS"\n' >eng/packages
        chmod +x eng/*
        echo '<Version>1.2.3</Version>' >Directory.Build.props
        printf '# Changes\n\n## 1.2.3\n' >CHANGELOG.md
        git config user.name t; git config user.email t@localhost; git add -A; git commit -qm first
        """)).MustSucceed();
}
