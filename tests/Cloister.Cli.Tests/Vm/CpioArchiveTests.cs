using System.Diagnostics;
using System.Text;
using Cloister.Cli.Tests.Harness;
using Cloister.Cli.Vm;

namespace Cloister.Cli.Tests.Vm;

public sealed class CpioArchiveTests
{
    // The field order of Linux's buffer-format document, written out by hand.
    [Fact]
    public void A_file_is_a_header_a_name_and_content_each_filled_up_to_four_bytes()
    {
        CpioArchive archive = new();
        archive.AddFile("a/b", Convert.ToUInt32("644", 8), "hello"u8.ToArray());
        Assert.Equal(
            "070701" + "00000001" + "000081a4" + "00000000" + "00000000" + "00000001" + "00000000" + "00000005" + "00000000" + "00000000" + "00000000" + "00000000" + "00000004" + "00000000"
            + "a/b\0" + "\0\0" + "hello\0\0\0"
            + "070701" + "00000000" + "00000000" + "00000000" + "00000000" + "00000001" + "00000000" + "00000000" + "00000000" + "00000000" + "00000000" + "00000000" + "0000000b" + "00000000"
            + "TRAILER!!!\0" + "\0\0\0",
            Encoding.ASCII.GetString(archive.ToArray()));
    }

    [Fact]
    public void Another_order_is_the_same_archive()
    {
        CpioArchive one = new();
        one.AddFolder("etc", 493);
        one.AddFile("etc/b", 420, [1]);
        one.AddFile("etc/a", 420, [2]);
        CpioArchive other = new();
        other.AddFile("etc/a", 420, [2]);
        other.AddFile("etc/b", 420, [1]);
        other.AddFolder("etc", 493);
        Assert.Equal(one.ToArray(), other.ToArray());
    }

    [Theory]
    [InlineData("/etc")]
    [InlineData("etc/../init")]
    [InlineData("etc//a")]
    [InlineData("")]
    public void A_name_stays_where_it_is_put(string name) => Assert.Throws<CliException>(() => new CpioArchive().AddFolder(name, 493));

    [Fact]
    public void A_name_is_there_once()
    {
        CpioArchive archive = new();
        archive.AddFile("init", 493, []);
        Assert.Throws<CliException>(() => archive.AddFile("init", 493, [1]));
    }

    // GNU cpio reads what we write.
    [Fact]
    public async Task Cpio_lists_it()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/cpio"), "cpio is not installed: make setup");
        using ScratchFolder folder = new();
        await File.WriteAllTextAsync(folder["source"], "content", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(folder["list"], $"dir dev 0755\nnod dev/console 0600 c 5 1\nfile init {folder["source"]} 0755\n", TestContext.Current.CancellationToken);
        (await CliProcess.RunAsync("vm", "archive", "--list", folder["list"], "--file", folder["cpio"])).MustSucceed();
        ProcessStartInfo start = new("bash", ["-c", $"TZ=UTC LC_ALL=C cpio -itv --quiet <{folder["cpio"]}"]) { RedirectStandardOutput = true };
        using Process cpio = Process.Start(start)!;
        string[] listed = (await cpio.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken)).TrimEnd().Split('\n');
        Assert.Equal(["drwxr-xr-x", "crw-------", "-rwxr-xr-x"], listed.Select(line => line[..10]));
        Assert.All(listed, line => Assert.Matches("root +root .* Jan +1 +1970 ", line));
        Assert.Equal(["dev", "dev/console", "init"], listed.Select(line => line.Split(' ')[^1]));
    }

    [Theory]
    [InlineData("file init")]
    [InlineData("dir dev 0999")]
    [InlineData("nod dev/sda 0600 b 8 0")]
    [InlineData("link a b")]
    public async Task A_line_that_is_none_is_refused(string line)
    {
        using ScratchFolder folder = new();
        await File.WriteAllTextAsync(folder["list"], $"{line}\n", TestContext.Current.CancellationToken);
        CliResult refused = await CliProcess.RunAsync("vm", "archive", "--list", folder["list"], "--file", folder["cpio"]);
        Assert.Equal(ExitCode.Usage, refused.ExitCode);
        Assert.Contains(line, refused.Errors, StringComparison.Ordinal);
        Assert.False(File.Exists(folder["cpio"]));
    }
}
