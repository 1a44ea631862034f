using Cloister.Broker.Tests.Processes;
using Cloister.KeyStores.Tests.Stores;

[assembly: AssemblyFixture(typeof(SharedServers))]
[assembly: AssemblyFixture(typeof(SharedBroker))]
