using System.Security.Cryptography;
using Cloister.Cli.Tests.Harness;
using Cloister.Packages.Tests.Machines;

namespace Cloister.Packages.Tests.Files;

/// <summary>Packages as files: what judges them, and whether others get the same.</summary>
public sealed class PackageFileTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Lintian_finds_nothing()
    {
        Built.SkipUnlessThere();
        Assert.SkipUnless(Shell.Has("lintian"), "lintian is not installed");
        Said said = await Shell.BashAsync($"lintian --allow-root --fail-on error,warning '{Built.Packages}'/*_{Built.Version}_amd64.deb");
        Assert.True(said.ExitCode == 0 && said.Output.Trim().Length == 0, said.ToString());
    }

    [Theory]
    [InlineData("deb")]
    [InlineData("rpm")]
    public async Task The_same_programs_give_the_same_packages_whatever_folder_time_zone_and_umask(string kind)
    {
        Built.SkipUnlessThere();
        Assert.SkipUnless(Shell.Has("rpmbuild"), "rpm is not installed");
        string first = kind == "deb" ? await Built.NextAsync() : await Built.BuildAsync(kind, _folder["first"], "UTC", "022");
        string second = await Built.BuildAsync(kind, _folder["a-folder-with-a-longer-name"], "Asia/Tokyo", "077");
        string[] names = [.. Directory.GetFiles(second).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];
        Assert.Equal(4, names.Length);
        Assert.All(names, name => Assert.Equal(Digest(Path.Combine(first, name)), Digest(Path.Combine(second, name))));
    }

    [Fact]
    public async Task A_node_gets_nothing_of_the_broker_and_nobody_the_simulated_enclave()
    {
        Built.SkipUnlessThere();
        string[] packages = Directory.GetFiles(Built.Packages, $"*_{Built.Version}_amd64.deb");
        Assert.Equal(4, packages.Length);
        foreach (string package in packages)
        {
            string files = (await Shell.RunAsync("dpkg-deb", "--contents", package)).MustSucceed();
            Assert.DoesNotContain("cloister-enclave-sim", files, StringComparison.Ordinal);
            if (!package.Contains("cloister-broker_", StringComparison.Ordinal))
            {
                Assert.DoesNotContain("Cloister.Broker", files, StringComparison.Ordinal);
                Assert.DoesNotContain("cloister-broker", files.Replace("examples/grafana/cloister-broker.json", "", StringComparison.Ordinal), StringComparison.Ordinal);
                Assert.DoesNotContain("Npgsql", files, StringComparison.Ordinal);
            }

            // What looks into a process or writes it to a file.
            Assert.DoesNotContain("createdump", files, StringComparison.Ordinal);
            Assert.DoesNotContain("mscordaccore", files, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("1.0-1")]
    [InlineData("v1.0")]
    [InlineData("")]
    [InlineData("1.0/../x")]
    public async Task A_version_that_deb_or_rpm_does_not_take_is_refused_and_nothing_is_made(string version)
    {
        Built.SkipUnlessThere();
        Said said = await Shell.RunAsync(Shell.InRepository("eng", "packages"), "--version", version, Shell.InRepository("artifacts", "publish"), _folder["out"]);
        Assert.Equal(1, said.ExitCode);
        Assert.Contains("is no version that deb and rpm both take", said.Errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["out"]));
    }

    [Fact]
    public async Task An_rpm_has_the_files_of_its_deb_and_installs_into_an_empty_root()
    {
        Built.SkipUnlessThere();
        Assert.SkipUnless(Shell.Has("rpm"), "rpm is not installed");
        string[] packages = ["cloister", "cloister-enclave", "cloister-relay", "cloister-broker"];
        foreach (string package in packages)
        {
            string rpm = Rpm(package);
            string deb = $"{Built.Packages}/{package}_{Built.Version}_amd64.deb";

            // By digest: what differs is the changelog, lintian's file, and where zsh looks.
            string[] ofDeb = Lines((await Shell.BashAsync($"dpkg-deb --ctrl-tarfile '{deb}' | tar -xO ./md5sums | sed -E 's|  |  /|; s|zsh/vendor-completions|zsh/site-functions|'")).MustSucceed());
            (await Shell.BashAsync($"mkdir -p '{_folder[package]}'; cd '{_folder[package]}'; rpm2cpio '{rpm}' | cpio -idm --quiet")).MustSucceed();
            string[] ofRpm = Lines((await Shell.BashAsync($"cd '{_folder[package]}'; find . -type f -printf '%P\\0' | xargs -0 md5sum | sed 's|  |  /|'")).MustSucceed());
            Assert.True(ofRpm.Length > 3, $"{ofRpm.Length} files");
            Assert.Equal(
                ofDeb.Where(line => !line.EndsWith("/changelog.gz", StringComparison.Ordinal) && !line.Contains("/lintian/", StringComparison.Ordinal)).Order(StringComparer.Ordinal),
                ofRpm.Order(StringComparer.Ordinal));

            string scripts = (await Shell.RunAsync("rpm", "-qp", "--scripts", rpm)).MustSucceed();
            Assert.DoesNotContain("systemctl enable", scripts, StringComparison.Ordinal);
            Assert.DoesNotContain("systemctl start", scripts, StringComparison.Ordinal);
            Assert.Equal(package is "cloister-enclave" or "cloister-relay", scripts.Contains("\n  refuse_while_in_use\n", StringComparison.Ordinal));
            string requires = (await Shell.RunAsync("rpm", "-qp", "--requires", rpm)).MustSucceed();
            Assert.DoesNotContain("dotnet", requires, StringComparison.Ordinal);
            Assert.DoesNotContain("coreclr", requires, StringComparison.Ordinal);
            Assert.Equal(package is "cloister-relay" or "cloister-broker", requires.Contains($"cloister = {Built.Version}-1", StringComparison.Ordinal));
        }

        // Its scripts need a system: they are run by the .deb's tests, and here left out.
        string root = _folder["root"];
        (await Shell.BashAsync($"rpm --root '{root}' --initdb; rpm --root '{root}' -i --nodeps --noscripts {string.Join(' ', packages.Take(3).Select(Rpm))}")).MustSucceed();
        Assert.Equal(3, Lines((await Shell.BashAsync($"rpm --root '{root}' -qa 'cloister*'")).MustSucceed()).Length);
        (await Shell.BashAsync($"rpm --root '{root}' -V --nodeps --nouser --nogroup cloister cloister-enclave cloister-relay; '{root}/usr/lib/cloister/cloister' --version")).MustSucceed();
        Said conflict = await Shell.BashAsync($"rpm --root '{root}' -i --test {Rpm("cloister-broker")}");
        Assert.NotEqual(0, conflict.ExitCode);
        Assert.Contains("conflicts with", conflict.Errors, StringComparison.Ordinal);
    }

    private static string Rpm(string package) => $"{Built.Packages}/{package}-{Built.Version}-1.x86_64.rpm";

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private static string Digest(string path) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)));
}
