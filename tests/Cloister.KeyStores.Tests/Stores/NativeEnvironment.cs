using System.Runtime.InteropServices;

namespace Cloister.KeyStores.Tests.Stores;

internal static partial class NativeEnvironment
{
    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int Set(string name, string value, int overwrite);
}
