using System.Diagnostics;
using Cloister.KeyStores.Pkcs11;
using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.HighLevelAPI;

namespace Cloister.KeyStores.Tests.Stores;

/// <summary>
/// Tokens besides SoftHSM as it is: that of NSS (package libnss3), a second implementation of PKCS#11; and SoftHSM behind a module of our own that makes
/// every IV of AES-GCM itself, or wraps by CKM_AES_KEY_WRAP_PAD alone.
/// </summary>
internal static class OtherTokens
{
    public const string Nss = "NSS";
    public const string TokenIv = "TOKEN_IV";
    public const string WrapOnly = "WRAP_ONLY";
    private const string Pin = "Nss-1234";

    private static readonly Lock Gate = new();
    private static readonly Dictionary<string, Pkcs11TokenOptions> Made = [];

    /// <summary>A token by its name, <c>SoftHSM</c> for that one as it is. Skips the test when something is not installed.</summary>
    public static Pkcs11TokenOptions Of(string name)
    {
        lock (Gate)
        {
            return name == StoresUnderTest.Token ? SoftHsm.Shared().Token : Made.TryGetValue(name, out Pkcs11TokenOptions? made) ? made : Made[name] = name == Nss ? MakeNss() : MakeShim(name);
        }
    }

    private static Pkcs11TokenOptions MakeShim(string manner) => SoftHsm.Shared().Token with { Library = Compile(manner) };

    private static string Compile(string manner)
    {
        string library = Path.Combine(Path.GetDirectoryName(SoftHsm.Shared().Token.PinFile)!, $"{manner}.so");
        using Process gcc = Process.Start(new ProcessStartInfo("gcc", ["-shared", "-fPIC", "-O1", "-Wall", "-Werror", $"-D{manner}", "-o", library, Path.Combine(AppContext.BaseDirectory, "shim.c"), "-ldl"]) { RedirectStandardError = true })!;
        string errors = gcc.StandardError.ReadToEnd();
        gcc.WaitForExit();
        Assert.True(gcc.ExitCode == 0, errors);
        return library;
    }

    private static Pkcs11TokenOptions MakeNss()
    {
        bool isThere = Directory.GetDirectories("/usr/lib", "*-linux-gnu").Any(folder => File.Exists(Path.Combine(folder, "libsoftokn3.so")));
        Assert.SkipUnless(isThere, "NSS (package libnss3) is not installed");
        string database = Directory.CreateDirectory(Path.Combine(Path.GetDirectoryName(SoftHsm.Shared().Token.PinFile)!, "nss")).FullName;
        string parameters = $"configDir='sql:{database}' dbTokenDescription='cloister-nss' updateDir='' flags=";
        Environment.SetEnvironmentVariable("NSS_LIB_PARAMS", parameters);
        Assert.Equal(0, NativeEnvironment.Set("NSS_LIB_PARAMS", parameters, 1));
        Pkcs11TokenOptions options = new() { Library = Compile("NSS"), TokenLabel = "cloister-nss", PinFile = Path.Combine(database, "pin") };
        File.WriteAllText(options.PinFile, Pin);

        // A database without a password has one set by who is asked for none.
        Pkcs11InteropFactories factories = new();
        IPkcs11Library nss = factories.Pkcs11LibraryFactory.LoadPkcs11Library(factories, options.Library, AppType.MultiThreaded);
        using ISession session = nss.GetSlotList(SlotsType.WithTokenPresent).Single(slot => slot.GetTokenInfo().Label.TrimEnd() == options.TokenLabel).OpenSession(SessionType.ReadWrite);
        session.Login(CKU.CKU_SO, "");
        session.InitPin(Pin);
        session.Logout();
        GC.KeepAlive(nss);
        return options;
    }
}
