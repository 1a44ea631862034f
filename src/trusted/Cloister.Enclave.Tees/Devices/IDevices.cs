namespace Cloister.Enclave.Tees.Devices;

/// <summary>The files through which a TEE is used. One call here is one call of the kernel: nothing is retried, nothing is cached. secrets: none.</summary>
internal interface IDevices
{
    /// <summary>The machine's own metadata service, for a TEE that has part of its evidence from there.</summary>
    Uri LocalService => Vtpm.AzureQuoteService.Address;

    /// <summary>Whether the path is there, whatever it is.</summary>
    bool Exists(string path);

    /// <summary>Opens a file.</summary>
    /// <exception cref="DeviceException">The kernel refuses.</exception>
    IDeviceFile Open(string path, DeviceAccess access);

    /// <summary>Makes a folder, mode 0700.</summary>
    /// <exception cref="DeviceException">The kernel refuses.</exception>
    void CreateFolder(string path);

    /// <summary>Removes a folder. In configfs its files go with it.</summary>
    /// <exception cref="DeviceException">The kernel refuses.</exception>
    void RemoveFolder(string path);
}
