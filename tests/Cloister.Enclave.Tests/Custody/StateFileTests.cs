using System.Diagnostics;
using Cloister.Contracts.Envelope;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Custody;

/// <summary>What a host may put in the place of a state file.</summary>
public sealed class StateFileTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public static TheoryData<string> Things => ["pipe", "folder", "link", "link to nothing", "device"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Reads_what_was_written_and_nothing_where_there_is_nothing()
    {
        string path = _folder.File("f");
        Assert.Null(StateFile.Read(path, 10));
        StateFile.Replace(path, [1, 2, 3]);
        StateFile.Replace(path, [4, 5]);
        Assert.Equal([4, 5], StateFile.Read(path, 10));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Assert.Throws<NotSupportedException>(() => StateFile.Read(path, 1));
        StateFile.Remove(path);
        StateFile.Remove(path);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    // EACCES is what Gramine answers for a damaged file of an encrypted mount; here the kernel does, to whoever asks. It is not "no file".
    [Fact]
    public void What_may_not_be_read_is_not_missing()
    {
        const string Refused = "/sys/bus/cpu/uevent";
        Assert.SkipUnless(File.Exists(Refused), $"no {Refused} here");
        Assert.Contains("Permission denied", Assert.Throws<IOException>(() => StateFile.Read(Refused, 8192)).Message, StringComparison.Ordinal);
        using SecretArena arena = new(8);
        SealedFile file = new(Refused, 3, new EnvelopeContext("c", "p", "sealed-lease"), new NoSealer(), arena);
        SealException refused = Assert.Throws<SealException>(() => file.Read());
        Assert.True(refused.IsTransient);
        Assert.Contains("on an encrypted mount of Gramine it was changed", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Things))]
    public void What_is_not_a_regular_file_is_refused_and_waits_for_nobody(string thing)
    {
        string path = _folder.File("f");
        Put(thing, path);
        Assert.Throws<NotSupportedException>(() => StateFile.Read(path, 10));
    }

    [Theory]
    [MemberData(nameof(Things))]
    public void What_lies_in_the_way_of_a_new_file_is_replaced_or_refused(string thing)
    {
        string path = _folder.File("f");
        Put(thing, path + ".new");
        if (thing == "folder")
        {
            Assert.Throws<IOException>(() => StateFile.Replace(path, [1]));
            return;
        }

        Put(thing, path);
        StateFile.Replace(path, [1]);
        Assert.Equal([1], StateFile.Read(path, 10));
    }

    [Fact]
    public void Links_are_followed_where_that_is_wanted()
    {
        StateFile.Replace(_folder.File("real"), [7]);
        File.CreateSymbolicLink(_folder.File("f"), _folder.File("real"));
        Assert.Equal([7], StateFile.Read(_folder.File("f"), 10, followLinks: true));
        Put("pipe", _folder.File("p"));
        Assert.Throws<NotSupportedException>(() => StateFile.Read(_folder.File("p"), 10, followLinks: true));
    }

    private static void Put(string thing, string path)
    {
        switch (thing)
        {
            case "pipe":
                using (Process made = Process.Start("mkfifo", path))
                {
                    made.WaitForExit();
                    Assert.Equal(0, made.ExitCode);
                }

                break;
            case "folder":
                Directory.CreateDirectory(path);
                break;
            case "device":
                // A link is the device for whoever follows it, and making one takes no rights.
                File.CreateSymbolicLink(path, "/dev/zero");
                break;
            default:
                File.CreateSymbolicLink(path, thing == "link" ? "/etc/hostname" : "/nowhere");
                break;
        }
    }

    private sealed class NoSealer : ISealer
    {
        public string Description => "none";

        public SecretKey SealingKey(SecretArena arena) => throw new InvalidOperationException("nothing was read that could be opened");
    }
}
