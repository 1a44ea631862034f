using System.Security.Cryptography;
using System.Text;

namespace Cloister.Enclave.Tees.Devices;

/// <summary>Whole files of devices, with interrupted calls made again. secrets: the caller's buffers only; none is copied.</summary>
internal static class DeviceFiles
{
    private const int TextSize = 64;

    /// <summary>Reads a file of at most <paramref name="most"/> bytes, in as many calls as the kernel wants.</summary>
    /// <exception cref="DeviceException">The kernel refuses.</exception>
    /// <exception cref="TeeException">There is more.</exception>
    internal static byte[] ReadAll(this IDevices devices, string path, int most)
    {
        byte[] buffer = GC.AllocateUninitializedArray<byte>(most + 1, pinned: true);
        try
        {
            int length = devices.ReadInto(path, buffer);
            return length <= most ? buffer[..length] : throw new TeeException($"{path} has more than {most} bytes: that is not what this TEE gives, look at the kernel and what is mounted there");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(buffer);
        }
    }

    /// <summary>Fills a buffer from a file as far as there is something.</summary>
    /// <returns>How much there was.</returns>
    /// <exception cref="DeviceException">The kernel refuses.</exception>
    internal static int ReadInto(this IDevices devices, string path, Span<byte> destination)
    {
        using IDeviceFile file = devices.Open(path, DeviceAccess.Read);
        int length = 0;
        while (length < destination.Length)
        {
            int read;
            try
            {
                read = file.Read(destination[length..]);
            }
            catch (DeviceException e) when (e.Error == Errno.Interrupted)
            {
                continue;
            }

            if (read == 0)
            {
                break;
            }

            length += read;
        }

        return length;
    }

    /// <summary>A short text without its line end.</summary>
    /// <exception cref="DeviceException">The kernel refuses.</exception>
    /// <exception cref="TeeException">No short text.</exception>
    internal static string ReadText(this IDevices devices, string path)
    {
        byte[] bytes = devices.ReadAll(path, TextSize);
        string text = Encoding.ASCII.GetString(bytes).TrimEnd();
        return text.Length > 0 && !text.AsSpan().ContainsAnyExceptInRange(' ', '~')
            ? text
            : throw new TeeException($"{path} holds no text: that is not what this TEE gives, look at the kernel and what is mounted there");
    }

    /// <summary>Writes all of a blob in one call: these files take no parts.</summary>
    /// <exception cref="DeviceException">The kernel refuses.</exception>
    /// <exception cref="TeeException">It took less.</exception>
    internal static void WriteAll(this IDevices devices, string path, ReadOnlySpan<byte> content)
    {
        using IDeviceFile file = devices.Open(path, DeviceAccess.Write);
        while (true)
        {
            try
            {
                int written = file.Write(content);
                if (written != content.Length)
                {
                    throw new TeeException($"{path} took {written} of {content.Length} bytes: look at the kernel and what is mounted there");
                }

                return;
            }
            catch (DeviceException e) when (e.Error == Errno.Interrupted)
            {
                // Nothing was taken: again.
            }
        }
    }
}
