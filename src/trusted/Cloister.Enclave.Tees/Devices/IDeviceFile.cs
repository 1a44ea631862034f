namespace Cloister.Enclave.Tees.Devices;

/// <summary>An open device file. secrets: sealing keys pass through <see cref="Read"/> and <see cref="Control"/>.</summary>
internal unsafe interface IDeviceFile : IDisposable
{
    /// <summary>Reads on; 0 at the end.</summary>
    /// <exception cref="DeviceException">The kernel refuses.</exception>
    int Read(Span<byte> destination);

    /// <summary>Writes.</summary>
    /// <returns>How much was taken.</returns>
    /// <exception cref="DeviceException">The kernel refuses.</exception>
    int Write(ReadOnlySpan<byte> source);

    /// <summary>One ioctl.</summary>
    /// <param name="code">Its number.</param>
    /// <param name="argument">Its structure; what that points to stays where it is.</param>
    /// <exception cref="DeviceException">The kernel refuses.</exception>
    void Control(uint code, void* argument);
}
