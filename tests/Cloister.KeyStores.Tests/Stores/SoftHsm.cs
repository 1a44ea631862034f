using System.Diagnostics;
using Cloister.KeyStores.Pkcs11;

namespace Cloister.KeyStores.Tests.Stores;

/// <summary>
/// SoftHSM with a token in a folder of its own. The library reads its configuration and its tokens once in a process, so that all
/// tests share the token; the labels of their keys differ.
/// </summary>
internal sealed class SoftHsm
{
    private const string Library = "/usr/lib/softhsm/libsofthsm2.so";
    private const string Pin = "1234-user";

    private static readonly Lock Gate = new();
    private static SoftHsm? s_shared;

    private readonly string _folder;
    private int _labels;

    private SoftHsm(string folder)
    {
        _folder = folder;
        Token = new Pkcs11TokenOptions { Library = Library, TokenLabel = "cloister", PinFile = Path.Combine(folder, "pin") };
    }

    public Pkcs11TokenOptions Token { get; }

    /// <summary>A label that no other test uses.</summary>
    public string NewLabel() => $"root{Interlocked.Increment(ref _labels)}";

    /// <summary>Skips the test when SoftHSM is not installed.</summary>
    public static SoftHsm Shared()
    {
        Assert.SkipUnless(File.Exists(Library) && File.Exists("/usr/bin/softhsm2-util"), "SoftHSM (package softhsm2) is not installed");
        lock (Gate)
        {
            if (s_shared is null)
            {
                string folder = Directory.CreateTempSubdirectory("cloister-softhsm-").FullName;
                Directory.CreateDirectory(Path.Combine(folder, "tokens"));
                File.WriteAllText(Path.Combine(folder, "softhsm2.conf"), $"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n");
                SetEnvironment("SOFTHSM2_CONF", Path.Combine(folder, "softhsm2.conf"));
                InitializeToken("cloister");
                File.WriteAllText(Path.Combine(folder, "pin"), Pin + "\n");
                s_shared = new SoftHsm(folder);
            }

            return s_shared;
        }
    }

    public static void RemoveShared()
    {
        if (s_shared is not null)
        {
            Directory.Delete(s_shared._folder, recursive: true);
        }
    }

    // The C library's environment is what SoftHSM reads; .NET's is a copy.
    private static void SetEnvironment(string name, string value)
    {
        Environment.SetEnvironmentVariable(name, value);
        Assert.Equal(0, NativeEnvironment.Set(name, value, 1));
    }

    private static void InitializeToken(string label)
    {
        using Process process = Process.Start(new ProcessStartInfo("softhsm2-util", ["--init-token", "--free", "--label", label, "--so-pin", "5678-so", "--pin", Pin]) { RedirectStandardOutput = true })!;
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
