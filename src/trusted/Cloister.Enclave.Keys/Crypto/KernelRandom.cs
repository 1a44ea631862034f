using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Cloister.Enclave.Keys.Crypto;

/// <summary>
/// Random bytes of the kernel, drawn when they are needed and never kept: a generator or a supply in this process's memory would give a clone of it
/// (a restored virtual machine, a forked process) the same bytes. The kernel reseeds when the platform says that it was cloned (VMGENID). A draw of
/// 24 to 64 bytes is one system call. Thread-safe. Source: getrandom(2). secrets: bytes pass through, none are kept.
/// </summary>
public static unsafe partial class KernelRandom
{
    private const int Interrupted = 4;
    private const int SeedSize = 48;

    /// <summary>Fills <paramref name="destination"/>.</summary>
    /// <exception cref="CryptographicException">The kernel gives none; nothing may be encrypted then.</exception>
    public static void Fill(Span<byte> destination)
    {
        fixed (byte* start = destination)
        {
            for (int done = 0; done < destination.Length;)
            {
                nint drawn = Draw(start + done, (nuint)(destination.Length - done), 0);
                if (drawn <= 0 && Marshal.GetLastPInvokeError() != Interrupted)
                {
                    throw new CryptographicException("the kernel gives no random bytes (getrandom)");
                }

                done += (int)Math.Max(0, drawn);
            }
        }
    }

    /// <summary>A number from 0 to one less than <paramref name="most"/>, for pauses: it may be uneven in its last bit.</summary>
    /// <param name="most">At least 1.</param>
    public static long Below(long most)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(most);
        Span<byte> drawn = stackalloc byte[sizeof(ulong)];
        Fill(drawn);
        return (long)(BitConverter.ToUInt64(drawn) % (ulong)most);
    }

    /// <summary>
    /// Has OpenSSL's generator, which is in this process's memory, take the kernel's bytes in. To be called before a key pair is made, and every second
    /// for what TLS draws.
    /// </summary>
    public static void ReseedOpenSsl()
    {
        Span<byte> seed = stackalloc byte[SeedSize];
        Fill(seed);
        fixed (byte* start = seed)
        {
            LibCrypto.Seed(start, SeedSize);
        }

        CryptographicOperations.ZeroMemory(seed);
    }

    [LibraryImport("libc", EntryPoint = "getrandom", SetLastError = true)]
    private static partial nint Draw(byte* buffer, nuint length, uint flags);
}
